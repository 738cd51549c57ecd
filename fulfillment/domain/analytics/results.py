"""The final numbers of a campaign: frozen once its claims have closed, and never changed after that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from config.locks import lock
from drops.domain.watch import stream
from drops.domain.watch.figures import totals, viewers_qualified
from drops.models import Campaign, PhaseChange, PhaseChangeKind
from fulfillment.domain.claims.reading import claimed_by_reward
from fulfillment.models import CampaignResult

# A claim that began before the close has committed by then.
CLAIMS_IN_HAND = timedelta(minutes=1)
# However long watch time waits to be credited, numbers are final after that.
AT_LAST = timedelta(days=1)
MOST = 100


def begin(*, change: PhaseChange, now: datetime, **_: Any) -> None:
    """Receives `phase_noted`: the numbers of a campaign that has closed are to be frozen."""
    if change.kind == PhaseChangeKind.CLOSED:
        CampaignResult.objects.get_or_create(campaign=change.campaign, defaults={"closed_at": change.due_at})


def freeze_due(*, now: datetime) -> int:
    """Freeze the numbers of campaigns that have closed, once all their watch time is credited. Returns how many.
    redis.RedisError"""
    waiting = CampaignResult.objects.filter(frozen_at=None, closed_at__lte=now - CLAIMS_IN_HAND)
    found = list(waiting.select_related("campaign").order_by("closed_at", "pk")[:MOST])
    if not found:
        return 0
    credited_until = now - timedelta(seconds=stream.ages()["oldest beat"] or 0) if settings.REDIS_URL else now
    frozen = 0
    for result in found:
        if credited_until >= result.campaign.ends_at or now >= result.closed_at + AT_LAST:
            frozen += _freeze(result, now)
    return frozen


def result_of(campaign: Campaign) -> CampaignResult | None:
    """The final numbers; None before they are."""
    return CampaignResult.objects.filter(campaign=campaign, frozen_at__isnull=False).first()


@transaction.atomic
def _freeze(result: CampaignResult, now: datetime) -> bool:
    result = lock(result)
    if result.frozen_at is not None:
        return False  # another worker was faster
    campaign = result.campaign
    reached, claimed = viewers_qualified(campaign=campaign), claimed_by_reward(campaign)
    sums = totals([campaign])[campaign.pk]
    result.viewers, result.minutes = sums.viewers, sums.minutes
    result.rewards = {
        reward_id: {"reached": reached.get(reward_id, 0), "claimed": claimed.get(reward_id, 0)}
        for reward_id in campaign.campaign_rewards.order_by("position").values_list("reward_id", flat=True)
    }
    result.frozen_at = now
    result.save()
    return True
