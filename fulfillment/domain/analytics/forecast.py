"""What a launch is like to bring, read from those before it: nothing where there was none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Max, Sum

from drops.domain.watch.figures import totals
from drops.models import Campaign
from fulfillment.models import CampaignMinute, ClaimHour

LOOKED_AT = 5
SECONDS_OF_MINUTE, SECONDS_OF_HOUR = 60, 3600


class Launch(NamedTuple):
    """A campaign of before. `peak`: claims a second, in its busiest minute where the clock noted it (`by_minute`),
    otherwise the mean of its busiest hour, which its peak was above."""

    campaign: Campaign
    viewers: int
    claims: int
    peak: float
    by_minute: bool

    def if_watched_by(self, viewers: int) -> Launch:
        """The same, had so many come."""
        factor = viewers / self.viewers
        return self._replace(viewers=viewers, claims=round(self.claims * factor), peak=self.peak * factor)


def launches_before(campaign: Campaign, *, now: datetime) -> Sequence[Launch]:
    """The last campaigns of the organization in which anything was claimed, the latest first. Five queries."""
    before = list(
        Campaign.objects.filter(
            organization=campaign.organization_id, published_at__lte=now, starts_at__lte=now
        )
        .filter(test_mode=False)
        .exclude(pk=campaign.pk)
        .order_by("-starts_at", "-pk")[:LOOKED_AT]
    )
    keys = [each.pk for each in before]
    minutes = CampaignMinute.objects.filter(campaign__in=keys).order_by()
    busiest_minute = dict(minutes.values_list("campaign").annotate(Max("claimed")))
    hours = ClaimHour.objects.filter(campaign__in=keys, test=False).order_by()
    busiest_hour: dict[str, int] = {}
    claims: dict[str, int] = {}
    for pk, _hour, count in hours.values_list("campaign", "hour").annotate(Sum("claims")):
        busiest_hour[pk] = max(count, busiest_hour.get(pk, 0))
        claims[pk] = claims.get(pk, 0) + count
    viewers = totals(before)
    found = []
    for each in before:
        by_minute = busiest_minute.get(each.pk, 0) / SECONDS_OF_MINUTE
        by_hour = busiest_hour.get(each.pk, 0) / SECONDS_OF_HOUR
        if each.pk in claims:
            found.append(
                Launch(
                    each,
                    viewers[each.pk].viewers,
                    claims[each.pk],
                    max(by_minute, by_hour),
                    by_minute >= by_hour,
                )
            )
    return found
