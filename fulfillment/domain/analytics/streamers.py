"""What campaigns brought to one channel, for its streamer, read from the hourly rows.

Test mode is in none of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from django.db.models import Max, Min, Sum

from config.rounding import whole_minutes
from drops.models import (
    Campaign,
    Channel,
    ChannelUncountedHour,
    Reason,
    UncountedHour,
    WatchHour,
)
from fulfillment.domain.analytics.groups import shown


@dataclass(slots=True)
class Brought:
    """What a campaign brought to the channel, from `first` to `last`, hours in UTC. `new_viewers`: those who began the
    campaign here; None: fewer than five. `best_hour`: different viewers in the hour that had most, None likewise.
    `uncounted`: the seconds that did not count for it here, by reason, the most first."""

    campaign: Campaign
    seconds: int
    new_viewers: int | None
    best_hour: int | None
    first: datetime
    last: datetime
    uncounted: list[tuple[Reason, int]] = field(default_factory=list)

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)

    @property
    def uncounted_minutes(self) -> list[tuple[Reason, int]]:
        return [(reason, whole_minutes(seconds)) for reason, seconds in self.uncounted]


def brought_to(channel: Channel, *, limit: int) -> list[Brought]:
    """The campaigns with watch time here, the latest first. Three queries."""
    rows = list(
        WatchHour.objects.filter(channel=channel, test=False)
        .order_by()
        .values_list("campaign")
        .annotate(Sum("seconds"), Sum("new_viewers"), Max("viewers"), first=Min("hour"), last=Max("hour"))
        .order_by("-last", "-campaign")[:limit]
    )
    campaigns = Campaign.objects.select_related("organization").in_bulk([row[0] for row in rows])
    uncounted: defaultdict[str, list[tuple[Reason, int]]] = defaultdict(list)
    for campaign_id, reason, seconds in (
        UncountedHour.objects.filter(channel=channel, campaign__in=campaigns)
        .order_by()
        .values_list("campaign", "reason")
        .annotate(total=Sum("seconds"))
        .order_by("-total", "reason")
    ):
        uncounted[campaign_id].append((Reason(reason), seconds))
    return [
        Brought(campaigns[pk], seconds, shown(new), shown(best), first, last, uncounted[pk])
        for pk, seconds, new, best, first, last in rows
    ]


def uncounted_by_day(channel: Channel, *, since: datetime, zone: tzinfo) -> dict[date, dict[Reason, int]]:
    """Seconds that counted for no campaign, by the day of `zone` and the reason. One query."""
    found: defaultdict[date, dict[Reason, int]] = defaultdict(dict)
    for hour, reason, seconds in ChannelUncountedHour.objects.filter(
        channel=channel, hour__gte=since
    ).values_list("hour", "reason", "seconds"):
        day = found[hour.astimezone(zone).date()]
        day[Reason(reason)] = day.get(Reason(reason), 0) + seconds
    return found
