"""The figures of campaigns, read from the hourly rows that crediting keeps.

They cost the same for any number of viewers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDay

from config.rounding import minutes_that_add_up, whole_minutes
from drops.models import Campaign, Channel, Progress, Reward, RewardHour, WatchHour


def viewers_qualified(*, campaign: Campaign) -> Mapping[str, int]:
    """Viewers who have reached the threshold as it is now, by reward id.

    They are counted from progress. The hourly figures know only the threshold that was valid at that time.
    """
    attached = list(campaign.campaign_rewards.all())
    counts = Progress.objects.filter(campaign=campaign).aggregate(
        **{
            f"at_{entry.position}": Count("pk", filter=Q(seconds__gte=entry.required_seconds))
            for entry in attached
        }
    )
    return {entry.reward_id: counts[f"at_{entry.position}"] for entry in attached}


@dataclass(frozen=True)
class Totals:
    """`viewers`: different viewers with at least a second of watch time, in the whole campaign."""

    seconds: int
    viewers: int

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)


def totals(campaigns: Iterable[Campaign]) -> dict[str, Totals]:
    """By campaign id. One query."""
    campaign_ids = [campaign.pk for campaign in campaigns]
    found = dict.fromkeys(campaign_ids, Totals(0, 0))
    for campaign_id, seconds, viewers in (
        WatchHour.objects.filter(campaign__in=campaign_ids)
        .values_list("campaign")
        .annotate(Sum("seconds"), Sum("new_viewers"))
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
        WatchHour.objects.filter(campaign=campaign)
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


def by_channel(campaign: Campaign, *, limit: int) -> list[ChannelFigures]:
    """The channels with the most watch time."""
    rows = list(
        WatchHour.objects.filter(campaign=campaign)
        .values("channel")
        .annotate(total=Sum("seconds"), new=Sum("new_viewers"))
        .order_by("-total", "channel")[:limit]
    )
    channels = Channel.objects.in_bulk([row["channel"] for row in rows])
    return [ChannelFigures(channels[row["channel"]], row["total"], row["new"]) for row in rows]


def qualified(campaign: Campaign) -> dict[Reward, int]:
    """How many viewers reached each reward, by the required minutes that were valid when they reached it."""
    rows = dict(RewardHour.objects.filter(campaign=campaign).values_list("reward").annotate(Sum("qualified")))
    rewards = [attached.reward for attached in campaign.campaign_rewards.select_related("reward")]
    return {reward: rows.get(reward.pk, 0) for reward in rewards}
