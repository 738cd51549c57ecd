from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from drops.domain.watch import beat
from drops.models import Category, Channel, Livestream, WatchInterval
from tests import factories
from tests.html import assert_well_made, text_of

PAGE = "/settings/watch-history/"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _at(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def client(client: Client, viewer: User) -> Client:
    client.force_login(viewer)
    return client


@pytest.fixture
def livestream(channel: Channel, category: Category, now: datetime) -> Livestream:
    return factories.LivestreamFactory(
        channel=channel, category=category, started_at=now - timedelta(days=60)
    )


def watch_for(viewer: User, channel: Channel, start: datetime, minutes: int) -> None:
    for minute in range(minutes + 1):
        beat.beat(viewer_id=viewer.pk, channel_id=channel.pk, now=start + minute * MINUTE)


def test_is_for_those_who_are_signed_in(db: None):
    assert Client().get(PAGE).headers["Location"] == f"/accounts/login/?next={PAGE}"


def test_empty(client: Client):
    response = client.get(PAGE)
    assert "Nothing watched yet" in text_of(response)
    assert_well_made(response)


def test_says_what_a_visit_counted_for(
    client: Client, viewer: User, channel: Channel, livestream: Livestream, category: Category, now: datetime
):
    factories.CampaignFactory(name="Night Shift", category=category)
    watch_for(viewer, channel, now - 5 * MINUTE, 4)
    response = client.get(PAGE)
    text = text_of(response)
    assert "Friday, 20 November 2026 4 min counted" in text
    assert "11:55 to 11:59 streamer Skyforge Rally Night Shift 4 min" in text
    assert "Days and times are in UTC." in text
    assert_well_made(response)


def test_says_why_a_visit_did_not_count(client: Client, viewer: User, channel: Channel, now: datetime):
    watch_for(viewer, channel, now - 5 * MINUTE, 4)
    text = text_of(client.get(PAGE))
    assert "Not counted The channel was not live. 0 min" in text


def test_visits_of_others_are_not_shown(
    client: Client, stranger: User, channel: Channel, livestream: Livestream, now: datetime
):
    watch_for(stranger, channel, now - 5 * MINUTE, 4)
    assert "Nothing watched yet" in text_of(client.get(PAGE))


def test_goes_back_week_by_week_over_weeks_without_a_visit(
    client: Client, viewer: User, channel: Channel, livestream: Livestream, now: datetime
):
    for days in (40, 8, 6, 0):
        watch_for(viewer, channel, now - timedelta(days=days) - 5 * MINUTE, 1)

    def days_on(address: str) -> list[int]:
        return [day.date.day for day in client.get(address).context["history"].days]

    assert days_on(PAGE) == [20, 14]
    assert 'href="?before=2026-11-14"' in client.get(PAGE).content.decode()
    assert days_on(PAGE + "?before=2026-11-14") == [12]
    assert days_on(PAGE + "?before=2026-11-06") == [11]
    assert "Earlier" not in text_of(client.get(PAGE + "?before=2026-11-06"))
    assert "Nothing before this day" in text_of(client.get(PAGE + "?before=2026-01-01"))


@pytest.mark.parametrize(
    "zone", ["", "America/Los_Angeles", "Pacific/Kiritimati", "../UTC", "Mars/Olympus", "x" * 500]
)
@pytest.mark.parametrize("before", ["x", "2026-13-01", "%00", "0001-01-01", "9999-12-31"])
def test_nonsense_in_the_address_never_breaks_the_page(
    client: Client, viewer: User, channel: Channel, now: datetime, before: str, zone: str
):
    client.cookies["timezone"] = zone
    watch_for(viewer, channel, now - 5 * MINUTE, 1)
    assert client.get(f"{PAGE}?before={before}").status_code == 200


def test_days_and_times_are_those_of_the_browser(
    client: Client, viewer: User, channel: Channel, livestream: Livestream
):
    """At UTC's midnight it is four in the afternoon in Los Angeles, and at eight in the morning midnight."""
    watch_for(viewer, channel, datetime(2026, 11, 18, 0, 0, tzinfo=UTC), 1)
    watch_for(viewer, channel, datetime(2026, 11, 18, 7, 59, tzinfo=UTC), 2)
    client.cookies["timezone"] = "America/Los_Angeles"
    response = client.get(PAGE)
    text = text_of(response)
    assert "Tuesday, 17 November 2026" in text
    assert "Wednesday" not in text
    assert "23:59 to 18 Nov, 00:01" in text
    assert "16:00 to 16:01" in text
    assert "Days and times are in America/Los_Angeles." in text
    assert_well_made(response)
    assert "16:00" in text_of(client.get(PAGE + "?before=2026-11-18"))
    assert "16:00" not in text_of(client.get(PAGE + "?before=2026-11-17"))


@pytest.mark.parametrize("count", [1, 3])
def test_costs_the_same_however_much_was_watched(
    client: Client,
    viewer: User,
    category: Category,
    now: datetime,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
):
    for number in range(count):
        factories.CampaignFactory(category=category)
        live = factories.LivestreamFactory(category=category)
        watch_for(viewer, live.channel, now - timedelta(minutes=60 - 10 * number), 2)
    assert WatchInterval.objects.count() == count
    with django_assert_num_queries(7):
        client.get(PAGE)
