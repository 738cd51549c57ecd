"""What viewers hear of what they can claim, and of what became of their claims."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices.kinds import Kind, register
from drops.domain import telling
from drops.domain.viewer_notices import OF_CAMPAIGN, SOON
from drops.models import CampaignReward, PhaseChangeKind, Progress, Telling
from fulfillment.models import Claim


def _required(campaign_id: str) -> dict[str, int]:
    """The seconds of watch time that each reward requires."""
    attached = CampaignReward.objects.filter(campaign=campaign_id)
    return {reward: minutes * 60 for reward, minutes in attached.values_list("reward", "required_minutes")}


def _who_earned(row: Telling, limit: int) -> Sequence[tuple[int, int]]:
    least = min(_required(row.change.campaign_id).values(), default=None)
    if least is None:
        return []
    found = telling.progress_of(row).filter(seconds__gte=least)
    return [(0, viewer) for viewer in found.values_list("viewer", flat=True)[:limit]]


def _with_unclaimed(campaign_id: str, viewers: Sequence[int]) -> Sequence[int]:
    """Those who have earned a reward and not claimed it. Three queries, each by the viewers' ids: as one, PostgreSQL
    reads all claims that there are."""
    required = _required(campaign_id)
    claims = Claim.objects.filter(campaign=campaign_id, viewer__in=viewers, rehearsal=None)
    claimed = set(claims.values_list("viewer", "reward"))
    watched = Progress.objects.filter(campaign=campaign_id, viewer__in=viewers)
    return [
        viewer
        for viewer, seconds in watched.values_list("viewer", "seconds")
        if any(needed <= seconds and (viewer, reward) not in claimed for reward, needed in required.items())
    ]


LAST_CHANCE = register(
    Kind(
        code="viewer_last_chance",
        label=_("Claims close within a day"),
        words=_("You have earned a reward and not claimed it."),
        template="fulfillment/mail/viewer_last_chance",
        still_for=lambda campaign, viewer: bool(_with_unclaimed(campaign.pk, [viewer.pk])),
        is_current=lambda campaign, _data, now: (
            campaign.organization.is_active
            and campaign.phase(now).claimable
            and campaign.closes_at <= now + SOON
        ),
        good_for=timedelta(days=1),
        **{
            **OF_CAMPAIGN,
            "path": lambda _campaign: reverse("fulfillment:inventory"),
            "values": lambda campaign, _data: {
                "campaign": campaign,
                "path": reverse("fulfillment:inventory"),
            },
        },
    )
)
telling.AUDIENCES["unclaimed"] = _who_earned
telling.NARROWED["unclaimed"] = lambda row, viewers: _with_unclaimed(row.change.campaign_id, viewers)
telling.register(PhaseChangeKind.LAST_CHANCE, LAST_CHANCE, "unclaimed")
