"""Everybody's figures, for the platform's operators: campaigns, studios, channels and categories of some weeks, and the
platform's growth by week.

Read from hourly rows, at the same cost for any number of viewers, claims and deliveries. Test mode is in none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncWeek

from accounts.models import Organization
from config.rounding import whole_minutes
from drops.models import Campaign, Category, Channel, RewardHour, WatchHour
from fulfillment.domain.analytics.fulfilment import Times, arrived_by
from fulfillment.domain.analytics.tables import Cell, Table
from fulfillment.models import ClaimHour, FulfilmentHour

WEEK = timedelta(days=7)
# Rows of a list, those with the most minutes, claims and so on: as they are sorted.
MOST = 200
KINDS = ("campaigns", "studios", "channels", "categories")
# What a list is sorted by, the most first.
SORTS = ("minutes", "new_viewers", "claims", "arrived", "retries")


@dataclass(slots=True)
class Row:
    """`name` and `key` of what the figures are of. Of a channel nothing is known about claims and deliveries."""

    key: Any
    name: str = ""
    seconds: int = 0
    new_viewers: int = 0
    claims: int | None = 0
    times: Times | None = field(default_factory=Times)

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)

    @property
    def arrived(self) -> int | None:
        return None if self.times is None else self.times.claims

    @property
    def retries(self) -> int | None:
        return None if self.times is None else self.times.retries

    @property
    def p95_ms(self) -> int | None:
        return None if self.times is None else self.times.p95_ms


# The path from an hourly row to what its figures are of.
_OF_CAMPAIGN = {
    "campaigns": "campaign",
    "studios": "campaign__organization",
    "categories": "campaign__category",
}


def ranking(*, kind: str, sort: str, since: datetime) -> list[Row]:
    """The MOST first of `kind` by `sort`, in the hours from `since` on. Four queries; two of channels."""
    rows: dict[Any, Row] = {}

    def row(key: Any) -> Row:
        return rows.setdefault(key, Row(key))

    path = "channel" if kind == "channels" else _OF_CAMPAIGN[kind]
    watched = WatchHour.objects.filter(test=False, hour__gte=since).order_by()
    for key, seconds, new in watched.values_list(path).annotate(Sum("seconds"), Sum("new_viewers")):
        row(key).seconds, row(key).new_viewers = seconds, new
    if kind == "channels":
        for each in rows.values():
            each.claims = each.times = None
    else:
        claims = ClaimHour.objects.filter(test=False, hour__gte=since).order_by()
        for key, count in claims.values_list(path).annotate(Sum("claims")):
            row(key).claims = count
        for key, times in arrived_by(FulfilmentHour.objects.filter(hour__gte=since), path).items():
            row(key).times = times
    first = sorted(rows.values(), key=lambda each: (-(getattr(each, sort) or 0), str(each.key)))[:MOST]
    names = _NAMES[kind]([each.key for each in first if each.key is not None])
    for each in first:
        each.name = names.get(each.key, "")
    return first


def _names(model: Any, column: str) -> Callable[[list[Any]], Mapping[Any, str]]:
    def names(keys: list[Any]) -> Mapping[Any, str]:
        return dict(model._base_manager.filter(pk__in=keys).values_list("pk", column))

    return names


_NAMES: Mapping[str, Callable[[list[Any]], Mapping[Any, str]]] = {
    "campaigns": _names(Campaign, "name"),
    "studios": _names(Organization, "name"),
    "channels": _names(Channel, "slug"),
    "categories": _names(Category, "name"),
}


@dataclass(slots=True)
class Week:
    """From Monday on, in UTC. `beginnings`: viewers who began a campaign, once for each."""

    monday: datetime
    seconds: int = 0
    beginnings: int = 0
    campaigns: int = 0
    qualified: int = 0
    claims: int = 0
    times: Times = field(default_factory=Times)

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)


def monday_of(at: datetime) -> datetime:
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def growth(*, weeks: int, now: datetime) -> list[Week]:
    """The last `weeks` weeks, that of `now` among them, the oldest first. Four queries."""
    last = monday_of(now)
    found = {last - number * WEEK: Week(last - number * WEEK) for number in reversed(range(weeks))}
    since = min(found)

    def by_week(rows: QuerySet[Any], *sums: Any) -> Any:
        week = TruncWeek("hour", tzinfo=UTC)
        return rows.filter(hour__gte=since, hour__lt=last + WEEK).order_by().values_list(week).annotate(*sums)

    public = Q(test=False)
    campaigns = Count("campaign", distinct=True)
    for week, seconds, new, number in by_week(
        WatchHour.objects.filter(public), Sum("seconds"), Sum("new_viewers"), campaigns
    ):
        each = found[week]
        each.seconds, each.beginnings, each.campaigns = seconds, new, number
    for week, qualified in by_week(RewardHour.objects.filter(public), Sum("qualified")):
        found[week].qualified = qualified
    for week, claims in by_week(ClaimHour.objects.filter(public), Sum("claims")):
        found[week].claims = claims
    arrivals = FulfilmentHour.objects.filter(hour__gte=since, hour__lt=last + WEEK)
    for week, times in arrived_by(arrivals, TruncWeek("hour", tzinfo=UTC)).items():
        found[week].times = times
    return [*found.values()]


def ranking_table(rows: list[Row]) -> Table:
    cells: list[tuple[Cell, ...]] = [
        (
            None if each.key is None else str(each.key),
            each.name,
            each.minutes,
            each.new_viewers,
            each.claims,
            each.arrived,
            each.retries,
            each.p95_ms,
        )
        for each in rows
    ]
    columns = ("id", "name", "minutes", "new_viewers", "claims", "arrived", "retries", "arrived_p95_ms")
    return Table(columns, cells)


def growth_table(weeks: list[Week]) -> Table:
    cells: list[tuple[Cell, ...]] = [
        (
            each.monday.date().isoformat(),
            each.minutes,
            each.beginnings,
            each.campaigns,
            each.qualified,
            each.claims,
            each.times.claims,
            each.times.retries,
            each.times.p95_ms,
        )
        for each in weeks
    ]
    columns = (
        "monday",
        "minutes",
        "beginnings",
        "campaigns",
        "qualified",
        "claims",
        "arrived",
        "retries",
        "arrived_p95_ms",
    )
    return Table(columns, cells)
