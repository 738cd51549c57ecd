"""What clocks show, in zones whose clocks are put forward and back by an hour, by half an hour, and never."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from config import zones


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "local", "moments"),
    [
        ("Europe/Berlin", "2027-01-10T18:00", ["2027-01-10T17:00Z"]),
        ("Europe/Berlin", "2027-03-28T01:59", ["2027-03-28T00:59Z"]),
        ("Europe/Berlin", "2027-03-28T02:00", []),
        ("Europe/Berlin", "2027-03-28T02:59", []),
        ("Europe/Berlin", "2027-03-28T03:00", ["2027-03-28T01:00Z"]),
        ("Europe/Berlin", "2027-10-31T02:00", ["2027-10-31T00:00Z", "2027-10-31T01:00Z"]),
        ("Europe/Berlin", "2027-10-31T03:00", ["2027-10-31T02:00Z"]),
        ("America/New_York", "2027-03-14T02:30", []),
        ("America/New_York", "2027-11-07T01:30", ["2027-11-07T05:30Z", "2027-11-07T06:30Z"]),
        ("Australia/Lord_Howe", "2027-10-03T02:15", []),
        ("Australia/Lord_Howe", "2027-10-03T02:30", ["2027-10-02T15:30Z"]),
        ("Australia/Lord_Howe", "2027-04-04T01:45", ["2027-04-03T14:45Z", "2027-04-03T15:15Z"]),
        ("Asia/Kathmandu", "2027-03-28T02:30", ["2027-03-27T20:45Z"]),
        ("UTC", "2027-03-28T02:30", ["2027-03-28T02:30Z"]),
    ],
)
def test_a_time_is_one_moment_none_or_two(zone: str, local: str, moments: list[str]) -> None:
    found = zones.moments_of(at(local), ZoneInfo(zone))
    assert found == [at(moment) for moment in moments]
    assert all(moment.tzinfo is UTC for moment in found)


@pytest.mark.parametrize(
    ("zone", "local", "before", "after"),
    [
        ("Europe/Berlin", "2027-03-28T02:30", "01:30", "03:30"),
        ("America/New_York", "2027-03-14T02:05", "01:05", "03:05"),
        ("Australia/Lord_Howe", "2027-10-03T02:15", "01:45", "02:45"),
    ],
)
def test_beside_a_time_that_is_skipped_are_two_that_are_not(
    zone: str, local: str, before: str, after: str
) -> None:
    found = zones.around(at(local), ZoneInfo(zone))
    assert [f"{each:%H:%M}" for each in found] == [before, after]
    for each in found:
        assert zones.moments_of(each.replace(tzinfo=None), ZoneInfo(zone)) == [each.astimezone(UTC)]


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "1 Dec 2026, 18:00 UTC"),
        ("Europe/Berlin", "1 Dec 2026, 19:00 CET"),
        ("America/New_York", "1 Dec 2026, 13:00 EST"),
        ("Australia/Lord_Howe", "2 Dec 2026, 05:00 UTC+11:00"),
        ("Asia/Kathmandu", "1 Dec 2026, 23:45 UTC+05:45"),
    ],
)
def test_a_time_is_told_with_its_zone(zone: str, words: str) -> None:
    moment = at("2026-12-01T18:00Z")
    with zones.shown_in(ZoneInfo(zone)):
        assert zones.words(moment) == words
        assert zones.words(moment, zone=UTC) == "1 Dec 2026, 18:00 UTC"
    assert zones.words(moment) == "1 Dec 2026, 18:00 UTC"


def test_only_zones_have_a_name() -> None:
    for name in ("", "Berlin", "../../etc/passwd", "Europe/Berlin\0", "localtime", "utc+1", "/etc/localtime"):
        assert zones.zone_named(name) is None or name == "localtime"
        if zones.zone_named(name) is None:
            with pytest.raises(ValidationError):
                zones.check_zone(name)
    assert zones.zone_named("UTC") is UTC
    offered = [name for _area, group in zones.choices("US/Pacific") for name, _place in group]
    assert offered[0] == "UTC"
    assert {"Europe/Berlin", "Asia/Kathmandu", "US/Pacific"} <= set(offered)
    assert len(offered) == len(set(offered))
