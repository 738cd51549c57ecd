"""What a campaign brought, day by day."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from django.db.models import Sum
from django.db.models.functions import TruncDate

from drops.domain.watch.figures import by_day
from drops.models import Campaign, RewardHour
from fulfillment.models import ClaimHour


class Day(NamedTuple):
    """A day in UTC. `new_viewers`: for the first time on this campaign. `qualified`, `claims`: by reward id."""

    date: date
    watched_minutes: int
    new_viewers: int
    qualified: dict[str, int]
    claims: dict[str, int]


def daily(*, campaign: Campaign) -> list[Day]:
    """Every day on which something happened, in order. Test mode is left out. Three queries."""
    watched = {day.start.date(): (day.minutes, day.new_viewers) for day in by_day(campaign)}
    qualified: dict[date, dict[str, int]] = defaultdict(dict)
    for day, reward_id, viewers in (
        RewardHour.objects.filter(campaign=campaign, test=False)
        .values_list(TruncDate("hour"), "reward_id")
        .annotate(Sum("qualified"))
        .order_by()
    ):
        qualified[day][reward_id] = viewers
    claims: dict[date, dict[str, int]] = defaultdict(dict)
    for day, reward_id, count in (
        ClaimHour.objects.filter(campaign=campaign, test=False)
        .values_list(TruncDate("hour"), "reward_id")
        .annotate(Sum("claims"))
        .order_by()
    ):
        claims[day][reward_id] = count
    return [
        Day(day, *watched.get(day, (0, 0)), qualified.get(day, {}), claims.get(day, {}))
        for day in sorted(watched.keys() | qualified.keys() | claims.keys())
    ]
