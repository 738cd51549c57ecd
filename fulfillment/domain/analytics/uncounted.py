"""What viewers watched that did not count for a campaign, and why (docs/watch-time.md, "Uncounted time")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
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


def by_channel(
    campaign: Campaign, *, since: datetime | None = None, reasons: Collection[Reason] = ()
) -> list[tuple[int, int, list[tuple[Reason, int]]]]:
    """(channel id, seconds, seconds by reason), the most first; of the hours from `since` on. One query."""
    rows = UncountedHour.objects.filter(campaign=campaign)
    if since is not None:
        rows = rows.filter(hour__gte=since)
    if reasons:
        rows = rows.filter(reason__in=reasons)
    found: defaultdict[int, list[tuple[Reason, int]]] = defaultdict(list)
    for channel_id, reason, seconds in (
        rows.order_by()
        .values_list("channel", "reason")
        .annotate(total=Sum("seconds"))
        .order_by("-total", "channel", "reason")
    ):
        found[channel_id].append((Reason(reason), seconds))
    totals = [(channel_id, sum(seconds for _, seconds in each), each) for channel_id, each in found.items()]
    return sorted(totals, key=lambda row: (-row[1], row[0]))


def with_channels(rows: Sequence[tuple[int, int, list[tuple[Reason, int]]]]) -> list[Lost]:
    """One query."""
    channels = Channel.objects.in_bulk([channel_id for channel_id, *_ in rows])
    return [Lost(channels[channel_id], seconds, reasons) for channel_id, seconds, reasons in rows]


def lost_today(campaigns: Collection[Campaign], *, since: datetime) -> dict[str, list[Lost]]:
    """By campaign id, the listed channels whose viewers have lost `WARN_FROM` minutes or more since `since` because the
    stream was in the wrong category, the most first. One query."""
    lost: defaultdict[str, list[Lost]] = defaultdict(list)
    rows = (
        UncountedHour.objects.filter(campaign__in=campaigns, hour__gte=since, reason=Reason.WRONG_CATEGORY)
        .order_by()
        .values("campaign", "channel")
        .annotate(total=Sum("seconds"))
        .filter(total__gte=WARN_FROM * 60, campaign__allowed_channels__channel=F("channel"))
        .order_by("-total", "channel")
        .values_list("campaign", "channel", "total")
    )
    found = list(rows)
    channels = Channel.objects.in_bulk({channel_id for _, channel_id, _ in found})
    for campaign_id, channel_id, seconds in found:
        lost[campaign_id].append(Lost(channels[channel_id], seconds, [(Reason.WRONG_CATEGORY, seconds)]))
    return lost
