"""The figures of campaigns, read from the hourly rows that crediting keeps.

They cost the same for any number of viewers. What was watched in test mode is in none of them, unless a
function is asked for it (`test`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum
from django.db.models.functions import TruncDay

from config.rounding import minutes_that_add_up, whole_minutes
from drops.models import Campaign, Channel, RewardHour, WatchHour


def viewers_qualified(*, campaign: Campaign, test: bool = False) -> Mapping[str, int]:
    """Viewers who have reached the threshold as it is now, by reward id; a reward that nobody reached is missing."""
    hours = RewardHour.objects.filter(campaign=campaign, test=test)
    return dict(hours.values_list("reward_id").annotate(Sum("qualified")).order_by())


@dataclass(frozen=True)
class Totals:
    """`viewers`: different viewers with at least a second of watch time, in the whole campaign."""

    seconds: int
    viewers: int

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)


def totals(
    campaigns: Iterable[Campaign], *, test: bool = False, since: datetime | None = None
) -> dict[str, Totals]:
    """By campaign id. With `since`, in the hours that began then or later; viewers are those who were new in them.
    One query."""
    campaign_ids = [campaign.pk for campaign in campaigns]
    found = dict.fromkeys(campaign_ids, Totals(0, 0))
    hours = WatchHour.objects.filter(campaign__in=campaign_ids, test=test)
    if since is not None:
        hours = hours.filter(hour__gte=since)
    for campaign_id, seconds, viewers in hours.values_list("campaign").annotate(
        Sum("seconds"), Sum("new_viewers")
    ):
        found[campaign_id] = Totals(seconds, viewers)
    return found


@dataclass(frozen=True)
class Day:
    """A day in UTC. `new_viewers`: those whose first second for the campaign was on it. The minutes of all days add
    up to those of the campaign."""

    start: datetime
    minutes: int
    new_viewers: int


def by_day(campaign: Campaign) -> list[Day]:
    """The days with watch time, oldest first."""
    rows = list(
        WatchHour.objects.filter(campaign=campaign, test=False)
        .values(start=TruncDay("hour"))
        .annotate(total=Sum("seconds"), new=Sum("new_viewers"))
        .order_by("start")
    )
    minutes = minutes_that_add_up(row["total"] for row in rows)
    return [Day(row["start"], each, row["new"]) for row, each in zip(rows, minutes, strict=True)]


@dataclass(frozen=True)
class ChannelFigures:
    """What a channel brought. `new_viewers`: those who began the campaign here."""

    channel: Channel
    seconds: int
    new_viewers: int

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)


def by_channel(campaign: Campaign, *, limit: int | None) -> list[ChannelFigures]:
    """The channels with the most watch time; all without a `limit`."""
    rows = list(
        WatchHour.objects.filter(campaign=campaign, test=False)
        .values("channel")
        .annotate(total=Sum("seconds"), new=Sum("new_viewers"))
        .order_by("-total", "channel")[:limit]
    )
    channels = Channel.objects.in_bulk([row["channel"] for row in rows])
    return [ChannelFigures(channels[row["channel"]], row["total"], row["new"]) for row in rows]
