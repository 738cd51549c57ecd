"""What viewers watched that did not count for a campaign, and why (docs/watch-time.md, "Uncounted time")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, Sum

from config.rounding import whole_minutes
from drops.models import Campaign, Channel, Reason, UncountedHour

# A studio is warned when the viewers of a listed channel lost as many minutes of a day.
WARN_FROM = 60


class Lost(NamedTuple):
    """What was not counted on a channel. `reasons`: seconds by reason, the most first."""

    channel: Channel
    seconds: int
    reasons: Sequence[tuple[Reason, int]]

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)


class LostToday(NamedTuple):
    """A channel of a campaign's allow-list that streamed something else."""

    campaign_id: str
    slug: str
    minutes: int


def by_reason(campaign: Campaign) -> dict[Reason, int]:
    """Seconds, the most first. One query."""
    rows = UncountedHour.objects.filter(campaign=campaign).order_by().values_list("reason")
    return {
        Reason(reason): seconds
        for reason, seconds in rows.annotate(total=Sum("seconds")).order_by("-total", "reason")
    }


def by_hour(campaign: Campaign, *, since: datetime, until: datetime) -> dict[datetime, dict[Reason, int]]:
    """Seconds by reason of each hour that has any. One query."""
    found: defaultdict[datetime, dict[Reason, int]] = defaultdict(dict)
    rows = UncountedHour.objects.filter(campaign=campaign, hour__gte=since, hour__lt=until).order_by()
    for hour, reason, seconds in rows.values_list("hour", "reason").annotate(Sum("seconds")):
        found[hour][Reason(reason)] = seconds
    return found


def by_channel(campaign: Campaign) -> list[tuple[int, int, list[tuple[Reason, int]]]]:
    """(channel id, seconds, seconds by reason), the most first. One query."""
    found: defaultdict[int, list[tuple[Reason, int]]] = defaultdict(list)
    rows = UncountedHour.objects.filter(campaign=campaign).order_by().values_list("channel", "reason")
    for channel_id, reason, seconds in rows.annotate(total=Sum("seconds")).order_by("-total", "reason"):
        found[channel_id].append((Reason(reason), seconds))
    totals = [(channel_id, sum(part for _, part in each), each) for channel_id, each in found.items()]
    return sorted(totals, key=lambda row: (-row[1], row[0]))


def rows_of(campaign: Campaign) -> Iterator[tuple[datetime, int, str, str, int]]:
    """(hour, channel id, slug, reason, seconds), in the order of time, a part at a time."""
    rows = UncountedHour.objects.filter(campaign=campaign).order_by("hour", "channel", "reason")
    return rows.values_list("hour", "channel", "channel__slug", "reason", "seconds").iterator()


def with_channels(rows: Sequence[tuple[int, int, list[tuple[Reason, int]]]]) -> list[Lost]:
    """One query."""
    wanted = Channel.objects.filter(pk__in=[channel_id for channel_id, *_ in rows])
    channels = {channel.pk: channel for channel in wanted}
    return [Lost(channels[channel_id], seconds, reasons) for channel_id, seconds, reasons in rows]


def lost_today(campaigns: Collection[Campaign], *, since: datetime) -> list[LostToday]:
    """Listed channels whose viewers have lost `WARN_FROM` minutes or more since `since` because the stream was in the
    wrong category, the most first. One query, or none without a campaign."""
    if not campaigns:
        return []
    rows = (
        UncountedHour.objects.filter(
            campaign__in=campaigns,
            hour__gte=since,
            reason=Reason.WRONG_CATEGORY,
            campaign__allowed_channels__channel=F("channel"),
        )
        .order_by()
        .values_list("campaign", "channel__slug")
        .annotate(total=Sum("seconds"))
        .filter(total__gte=WARN_FROM * 60)
        .order_by("-total", "channel__slug")
    )
    return [LostToday(campaign_id, slug, whole_minutes(seconds)) for campaign_id, slug, seconds in rows]
