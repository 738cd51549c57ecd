"""What each channel brought to a campaign, and where its viewers came from and went to.

Read from hourly rows and from moves, so it costs the same for any number of viewers. Test mode is in none of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum

from config.rounding import whole_minutes
from drops.models import (
    AllowedChannel,
    Campaign,
    Channel,
    ChannelMove,
    FormerCategory,
    Livestream,
    RewardHour,
    WatchHour,
)


@dataclass(slots=True)
class ChannelNumbers:
    """`best_hour`: different viewers in the hour that had most. `new_viewers`: those who began the campaign here.
    `reached`: rewards that were reached here. `hours`: in which somebody counted. `share`: of the campaign's time."""

    channel_id: int
    seconds: int
    share: float
    best_hour: int
    new_viewers: int
    reached: int
    hours: int

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)


# What a list is sorted by, the most first.
SORTS = ("seconds", "new_viewers", "best_hour", "reached", "hours")


def channel_numbers(campaign: Campaign, *, sort: str = "seconds") -> list[ChannelNumbers]:
    """Every channel with watch time, in the order of one of SORTS. Two queries."""
    reached = dict(
        RewardHour.objects.filter(campaign=campaign, test=False, channel__isnull=False)
        .order_by()
        .values_list("channel")
        .annotate(Sum("qualified"))
    )
    rows = list(
        WatchHour.objects.filter(campaign=campaign, test=False)
        .order_by()
        .values_list("channel")
        .annotate(Sum("seconds"), Max("viewers"), Sum("new_viewers"), Count("hour"))
    )
    total = sum(row[1] for row in rows) or 1
    found = [
        ChannelNumbers(channel_id, seconds, seconds / total, best, new, reached.get(channel_id, 0), hours)
        for channel_id, seconds, best, new, hours in rows
    ]
    return sorted(found, key=lambda row: (-getattr(row, sort), -row.seconds, row.channel_id))


class Move(NamedTuple):
    """How often viewers went on between this channel and the one in question."""

    channel: Channel
    moves: int


def moves_of(campaign: Campaign, channel: Channel, *, limit: int) -> tuple[list[Move], list[Move]]:
    """Where the channel's viewers came from, and where they went: the most first. One query."""
    rows = ChannelMove.objects.filter(Q(to_channel=channel) | Q(from_channel=channel), campaign=campaign)
    moves = list(
        rows.select_related("from_channel", "to_channel").order_by("-moves", "from_channel", "to_channel")
    )
    came = [Move(row.from_channel, row.moves) for row in moves if row.to_channel_id == channel.pk]
    went = [Move(row.to_channel, row.moves) for row in moves if row.from_channel_id == channel.pk]
    return came[:limit], went[:limit]


def live_seconds(campaign: Campaign, channel_ids: Collection[int], *, now: datetime) -> dict[int, int]:
    """How long each channel was live in the campaign's category while the campaign ran; a channel that never was is
    left out. By the category that the campaign asks for today. Two queries."""
    begin, end = _ran(campaign, now)
    seconds: defaultdict[int, float] = defaultdict(float)
    streams = list(
        Livestream.objects.filter(_on_air(begin, end), channel__in=channel_ids).values_list(
            "pk", "channel", "category", "started_at", "ended_at"
        )
    )
    former: defaultdict[int, list[tuple[datetime, int | None]]] = defaultdict(list)
    for livestream_id, until, category_id in (
        FormerCategory.objects.filter(livestream__in=[stream[0] for stream in streams], until__gt=begin)
        .order_by("until", "pk")
        .values_list("livestream", "until", "category")
    ):
        former[livestream_id].append((until, category_id))
    for pk, channel_id, category_id, started_at, ended_at in streams:
        since = started_at
        for until, category in (*former[pk], (ended_at or end, category_id)):
            if campaign.category_id in (None, category):
                seconds[channel_id] += max(0, (min(until, end) - max(since, begin)).total_seconds())
            since = until
    return {channel_id: int(each) for channel_id, each in seconds.items() if each}


def never_live(campaign: Campaign, *, now: datetime) -> QuerySet[AllowedChannel]:
    """The channels of the allow-list that were never live in the campaign's category while it ran."""
    begin, end = _ran(campaign, now)
    streams = Livestream.objects.filter(_on_air(begin, end), channel=OuterRef("channel"))
    if campaign.category_id is not None:
        before = FormerCategory.objects.filter(
            livestream=OuterRef("pk"), category=campaign.category_id, until__gt=begin
        )
        streams = streams.filter(Q(category=campaign.category_id) | Exists(before))
    listed = campaign.allowed_channels.filter(~Exists(streams))
    return listed.select_related("channel").order_by("channel__slug", "pk")


def _ran(campaign: Campaign, now: datetime) -> tuple[datetime, datetime]:
    return campaign.starts_at, min(now, campaign.ends_at, campaign.withdrawn_at or campaign.ends_at)


def _on_air(begin: datetime, end: datetime) -> Q:
    return Q(started_at__lt=end) & (Q(ended_at__isnull=True) | Q(ended_at__gt=begin))


def with_channels(rows: Sequence[ChannelNumbers]) -> list[tuple[ChannelNumbers, Channel]]:
    """One query."""
    wanted = Channel.objects.filter(pk__in=[row.channel_id for row in rows])
    channels = {channel.pk: channel for channel in wanted}
    return [(row, channels[row.channel_id]) for row in rows]
