"""Groups of viewers of one network on one channel: who sees them, and when they are forgotten.

docs/adr/0014 has the reasons.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from config.rows import delete_in_parts
from drops.models import SMALLEST_GROUP, Campaign, Channel, ChannelDay, NetworkDay, WatchHour

# Small groups are kept until every beat of their day is credited, however late.
SMALL_GROUPS_KEPT = timedelta(days=2)


def groups() -> QuerySet[NetworkDay]:
    """Networks with many viewers on a channel and a day. `total`: all viewers of it whose network is known."""
    days = ChannelDay.objects.filter(channel=OuterRef("channel"), day=OuterRef("day"))
    return NetworkDay.objects.filter(viewers__gte=SMALLEST_GROUP).annotate(
        total=Subquery(days.values("viewers"))
    )


def counted_for(campaign: Campaign) -> Exists:
    """Whether a row's channel counted for the campaign on the row's day."""
    return Exists(
        WatchHour.objects.filter(
            campaign=campaign,
            test=False,
            channel=OuterRef("channel"),
            hour__gte=OuterRef("day"),
            hour__lt=OuterRef("day") + timedelta(days=1),
        )
    )


@dataclass(frozen=True)
class LargestGroup:
    """The viewers of one network on a day, out of `total`. None: fewer than SMALLEST_GROUP."""

    day: date
    viewers: int | None
    total: int

    @property
    def percent(self) -> int:
        return share(self.viewers or 0, self.total)


def share(viewers: int, total: int) -> int:
    """In whole percent."""
    return round(100 * viewers / max(total, 1))


def largest_groups(campaign: Campaign, channels: Collection[Channel]) -> dict[int, LargestGroup]:
    """The largest group of each channel on any of the days that it counted for the campaign, by channel id.

    A channel is left out if nothing is known of its viewers' networks on these days. One query.
    """
    groups = NetworkDay.objects.filter(
        channel=OuterRef("channel"), day=OuterRef("day"), viewers__gte=SMALLEST_GROUP
    ).order_by("-viewers")
    days = (
        ChannelDay.objects.filter(counted_for(campaign), channel__in=channels)
        .annotate(largest=Subquery(groups.values("viewers")[:1]))
        .order_by("day")
        .values_list("channel", "day", "largest", "viewers")
    )
    found: dict[int, LargestGroup] = {}
    for channel_id, *facts in days:
        group = LargestGroup(*facts)
        if channel_id not in found or (group.viewers or 0) > (found[channel_id].viewers or 0):
            found[channel_id] = group
    return found


def purge(*, now: datetime) -> int:
    """Delete the counts of days that are too long ago, and soon those of small groups; returns how many."""
    today = now.date()
    old = NetworkDay.objects.filter(day__lt=today - timedelta(days=settings.WATCH_NETWORK_DAYS))
    small = NetworkDay.objects.filter(day__lt=today - SMALL_GROUPS_KEPT, viewers__lt=SMALLEST_GROUP)
    days = ChannelDay.objects.filter(day__lt=today - timedelta(days=settings.WATCH_NETWORK_DAYS))
    return sum(delete_in_parts(rows) for rows in (old, small, days))
