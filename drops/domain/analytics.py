"""How many viewers a campaign's rewards have now. What it brought over time is in `rollups`."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count, Q

from drops.models import Campaign, Progress


def viewers_qualified(*, campaign: Campaign) -> Mapping[str, int]:
    """Viewers who have reached the threshold as it is now, by reward id.

    From progress, not from the roll-ups: those know who reached it while it was higher.
    """
    attached = list(campaign.campaign_rewards.all())
    counts = Progress.objects.filter(campaign=campaign).aggregate(
        **{
            f"at_{entry.position}": Count("pk", filter=Q(seconds__gte=entry.required_seconds))
            for entry in attached
        }
    )
    return {entry.reward_id: counts[f"at_{entry.position}"] for entry in attached}
