"""What viewers hear of what they can claim, and of what became of their claims."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Exists, F, OuterRef
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices.kinds import Kind, register
from accounts.models import User
from drops.domain import telling
from drops.domain.viewer_notices import OF_CAMPAIGN, SOON
from drops.models import Campaign, CampaignReward, PhaseChangeKind, Progress, Telling
from fulfillment.models import Claim


def unclaimed() -> Exists:
    """Of a Progress: whether the viewer has earned a reward that is not claimed."""
    claimed = Claim.objects.filter(
        viewer=OuterRef(OuterRef("viewer")),
        campaign=OuterRef("campaign"),
        reward=OuterRef("reward"),
        rehearsal=None,
    )
    return Exists(
        CampaignReward.objects.alias(needed=F("required_minutes") * 60).filter(
            ~Exists(claimed), campaign=OuterRef("campaign"), needed__lte=OuterRef("seconds")
        )
    )


def _with_unclaimed(row: Telling, limit: int) -> Sequence[tuple[int, int]]:
    found = telling.progress_of(row).filter(unclaimed())
    return [(0, viewer) for viewer in found.values_list("viewer", flat=True)[:limit]]


def _has_unclaimed(campaign: Campaign, viewer: User) -> bool:
    return Progress.objects.filter(unclaimed(), campaign=campaign, viewer=viewer).exists()


LAST_CHANCE = register(
    Kind(
        code="viewer_last_chance",
        label=_("Claims close within a day"),
        words=_("You have earned a reward and not claimed it."),
        template="fulfillment/mail/viewer_last_chance",
        still_for=_has_unclaimed,
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
telling.AUDIENCES["unclaimed"] = _with_unclaimed
telling.register(PhaseChangeKind.LAST_CHANCE, LAST_CHANCE, "unclaimed")
