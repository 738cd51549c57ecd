"""The dates of a campaign in a line: announced, starts, ends, claims close."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from config import zones
from drops.models import Campaign

DAY = timedelta(days=1)
WIDTH = 1000  # of the picture
TONES = ("fill-info", "fill-live", "fill-wait")


class Point(NamedTuple):
    """A date of a campaign, as far as it is known."""

    label: str | Promise
    at: datetime | None
    passed: bool


class Span(NamedTuple):
    """The time between two dates, in the units of the picture."""

    fill: str
    x: int
    width: int


class Timeline(NamedTuple):
    """`spans` and `now_x` are empty where the dates are not all known, or not in order."""

    zone: tzinfo
    points: list[Point]
    spans: list[Span]
    now_x: int | None


def timeline_of(campaign: Campaign, now: datetime) -> Timeline:
    dates = (campaign.announces_at, campaign.starts_at, campaign.ends_at, campaign.closes_at)
    return _timeline(dates, now, zones.current())


def timeline_of_days(
    *,
    starts_at: datetime | None,
    ends_at: datetime | None,
    announcement_days: int | None,
    grace_days: int | None,
    now: datetime,
    zone: tzinfo,
) -> Timeline:
    """Of what somebody is typing."""
    announces_at = _moved(starts_at, announcement_days, -1)
    return _timeline((announces_at, starts_at, ends_at, _moved(ends_at, grace_days, 1)), now, zone)


def _timeline(dates: tuple[datetime | None, ...], now: datetime, zone: tzinfo) -> Timeline:
    labels = (_("Announced"), _("Starts"), _("Ends"), _("Claims close"))
    points = [Point(label, at, at is not None and at <= now) for label, at in zip(labels, dates, strict=True)]
    known = [at for at in dates if at is not None]
    if len(known) < len(dates) or known != sorted(known) or known[0] == known[-1]:
        return Timeline(zone, points, [], None)
    first, whole = known[0], known[-1] - known[0]
    places = [round(WIDTH * ((at - first) / whole)) for at in known]
    spans = [
        Span(fill, here, there - here) for fill, here, there in zip(TONES, places, places[1:], strict=False)
    ]
    is_under_way = first <= now <= known[-1]
    return Timeline(zone, points, spans, round(WIDTH * ((now - first) / whole)) if is_under_way else None)


def _moved(moment: datetime | None, days: int | None, direction: int) -> datetime | None:
    if moment is None or days is None:
        return None
    try:
        return moment + direction * days * DAY
    except OverflowError:
        return None
