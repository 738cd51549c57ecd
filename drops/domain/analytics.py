"""What a campaign brought. Figures of any number of campaigns cost one query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db.models import Count, Q, Sum

from drops.models import Campaign, Progress


class CampaignTotals(NamedTuple):
    """`watched_minutes` are whole minutes of all viewers together; `unique_viewers` have any watch time."""

    watched_minutes: int = 0
    unique_viewers: int = 0


def totals_by_campaign(campaigns: Iterable[Campaign]) -> Mapping[str, CampaignTotals]:
    """Totals by campaign id; a campaign that nobody has watched is missing."""
    rows = (
        Progress.objects.filter(campaign__in=[campaign.pk for campaign in campaigns])
        .values_list("campaign_id")
        .annotate(Sum("seconds"), Count("pk"))
    )
    return {campaign_id: CampaignTotals(seconds // 60, viewers) for campaign_id, seconds, viewers in rows}


def campaign_totals(*, campaign: Campaign) -> CampaignTotals:
    return totals_by_campaign([campaign]).get(campaign.pk, CampaignTotals())


def viewers_qualified(*, campaign: Campaign) -> Mapping[str, int]:
    """Viewers who have reached the threshold, by reward id."""
    attached = list(campaign.campaign_rewards.all())
    counts = Progress.objects.filter(campaign=campaign).aggregate(
        **{
            f"at_{entry.position}": Count("pk", filter=Q(seconds__gte=entry.required_seconds))
            for entry in attached
        }
    )
    return {entry.reward_id: counts[f"at_{entry.position}"] for entry in attached}
