"""A viewer's own progress, for players and overlays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from accounts.api.authentication import ViewerView
from accounts.domain import links
from accounts.models import User, parse_ulid
from config.api.envelope import ok
from config.api.schema import EXAMPLE_ULID, documented, parameter, text
from config.api.views import Query
from config.media import media_url
from drops.api.schema import PROGRESS, SUMMARY
from drops.api.viewer import category_shape
from drops.domain.campaigns.reading import CampaignCard, campaign_cards
from drops.models import Campaign, CampaignPhase
from drops.models.campaigns import CLAIMABLE_PHASES, CampaignQuerySet
from fulfillment.models import Claim


class ProgressView(ViewerView):
    """Every campaign the viewer watched for, until its claims close, and those with a claim."""

    @documented("Viewers", "progress", "The viewer's own campaigns", PROGRESS, refusals=(401, 403, 429))
    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        cards, claimed = _watched(_own_campaigns(self.viewer, now), self.viewer, now)
        linked = links.linked_organization_ids(self.viewer)
        return ok([_shape(card, claimed, linked) for card in cards], message="Success")


class SummaryView(ViewerView):
    """The figures of one campaign, or of all the viewer's own."""

    @documented(
        "Viewers",
        "progress_summary",
        "The viewer's figures alone",
        SUMMARY,
        parameters=[parameter("campaign_id", text(), "Of this campaign alone.", example=EXAMPLE_ULID)],
    )
    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        campaigns = _own_campaigns(self.viewer, now)
        if campaign_id := Query(request.query_params).text("campaign_id", max_length=255):
            campaigns = campaigns.filter(pk=parse_ulid(campaign_id))
        cards, claimed = _watched(campaigns, self.viewer, now)
        return ok(
            [
                {"id": card.campaign.pk, "progress_units": card.minutes, "rewards": _rewards(card, claimed)}
                for card in cards
            ],
            message="Success",
        )


Claimed = set[tuple[str, str]]  # campaign id, reward id


def _own_campaigns(viewer: User, now: datetime) -> CampaignQuerySet:
    claims = Claim.objects.filter(viewer=viewer).values("campaign")
    return Campaign.objects.with_phase(now).filter(
        Q(Q(("phase_now__in", CLAIMABLE_PHASES)), progress__viewer=viewer) | Q(pk__in=claims)
    )


def _watched(
    campaigns: CampaignQuerySet, viewer: User, now: datetime
) -> tuple[Sequence[CampaignCard], Claimed]:
    newest_first = campaigns.select_related("organization", "category").order_by("-pk").distinct()
    cards = campaign_cards(newest_first, now=now, viewer=viewer)
    claims = Claim.objects.filter(viewer=viewer, campaign__in=[card.campaign.pk for card in cards])
    return cards, set(claims.values_list("campaign_id", "reward_id"))


def _shape(card: CampaignCard, claimed: Claimed, linked: set[str]) -> dict[str, Any]:
    campaign, organization = card.campaign, card.campaign.organization
    shape = {
        "id": campaign.pk,
        "name": campaign.name,
        "status": _status(card, claimed),
        "starts_at": campaign.starts_at,
        "ends_at": campaign.ends_at,
        "created_at": campaign.created_at,
        "updated_at": campaign.updated_at,
        "connect_url": organization.connect_url,
        "url": campaign.info_url,
        "organization": {
            "id": organization.pk,
            "name": organization.name,
            "logo_url": media_url(organization.logo),
            "url": organization.url,
        },
        "user_app_connected": organization.pk in linked,
        "progress_units": card.minutes,
        "rewards": _rewards(card, claimed),
    }
    if campaign.category is not None:
        shape["category"] = category_shape(campaign.category)
    return shape


def _status(card: CampaignCard, claimed: Claimed) -> str:
    if all((card.campaign.pk, threshold.reward.pk) in claimed for threshold in card.thresholds):
        return "claimed"
    match card.phase:
        case CampaignPhase.LIVE:
            return "in_progress"
        case CampaignPhase.SCHEDULED | CampaignPhase.ANNOUNCED:
            return "upcoming"
    return "expired"


def _rewards(card: CampaignCard, claimed: Claimed) -> list[dict[str, Any]]:
    return [
        {
            "id": threshold.reward.pk,
            "name": threshold.reward.name,
            "image_url": media_url(threshold.reward.image),
            "external_id": threshold.reward.external_id,
            "required_units": threshold.required_minutes,
            "progress": threshold.minutes / threshold.required_minutes,
            "claimed": (card.campaign.pk, threshold.reward.pk) in claimed,
        }
        for threshold in card.thresholds
    ]
