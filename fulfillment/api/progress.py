"""A viewer's own progress, for players and overlays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from accounts.api.authentication import ViewerView
from accounts.domain import links
from accounts.models import User, parse_ulid
from accounts.oauth.scopes import USER_READ
from config.api.envelope import ok
from config.api.schema import documented
from drops.domain.campaigns.reading import CampaignCard, campaign_cards
from drops.models import Campaign, CampaignPhase, Reward
from drops.models.campaigns import CLAIMABLE_PHASES, CampaignQuerySet, in_phases
from fulfillment.api.serializers import ProgressSerializer, SummaryQuery, SummarySerializer
from fulfillment.models import Claim


class ProgressView(ViewerView):
    """Every campaign the viewer watched for, until its claims close, and those with a claim."""

    needs = USER_READ

    @documented(
        "Viewers",
        "progress",
        "The viewer's own campaigns",
        ProgressSerializer(many=True),
        message="Success",
        refusals=(401, 403, 429),
    )
    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        cards, claimed = _watched(_own_campaigns(self.viewer, self.organization_id, now), self.viewer, now)
        linked = links.linked_organization_ids(self.viewer)
        own = [_own(card, claimed, linked) for card in cards]
        return ok(ProgressSerializer(own, many=True).data, message="Success")


class SummaryView(ViewerView):
    """The figures of one campaign, or of all the viewer's own."""

    needs = USER_READ

    @documented(
        "Viewers",
        "progress_summary",
        "The viewer's figures alone",
        SummarySerializer(many=True),
        message="Success",
        parameters=[SummaryQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        campaigns = _own_campaigns(self.viewer, self.organization_id, now)
        if campaign_id := SummaryQuery.read(request.query_params)["campaign_id"]:
            campaigns = campaigns.filter(pk=parse_ulid(campaign_id))
        cards, claimed = _watched(campaigns, self.viewer, now)
        own = [_own(card, claimed, set()) for card in cards]
        return ok(SummarySerializer(own, many=True).data, message="Success")


Claimed = set[tuple[str, str]]  # campaign id, reward id


def _own_campaigns(viewer: User, organization_id: str | None, now: datetime) -> CampaignQuerySet:
    """Those of one organization, or (None) of all."""
    claims = Claim.objects.filter(viewer=viewer, rehearsal=None).values("campaign")
    campaigns = Campaign.objects.with_phase(now)
    if organization_id is not None:
        campaigns = campaigns.filter(organization=organization_id)
    return campaigns.filter(Q(in_phases(*CLAIMABLE_PHASES), progress__viewer=viewer) | Q(pk__in=claims))


def _watched(
    campaigns: CampaignQuerySet, viewer: User, now: datetime
) -> tuple[Sequence[CampaignCard], Claimed]:
    newest_first = campaigns.select_related("organization", "category").order_by("-pk").distinct()
    cards = campaign_cards(newest_first, now=now, viewer=viewer)
    claims = Claim.objects.filter(
        viewer=viewer, campaign__in=[card.campaign.pk for card in cards], rehearsal=None
    )
    return cards, set(claims.values_list("campaign_id", "reward_id"))


class OwnReward(NamedTuple):
    """A reward of a campaign and how far the viewer has come: whole minutes."""

    reward: Reward
    required_minutes: int
    minutes: int
    claimed: bool


class OwnCampaign(NamedTuple):
    campaign: Campaign
    status: str
    user_app_connected: bool
    progress_units: int
    rewards: list[OwnReward]


def _own(card: CampaignCard, claimed: Claimed, linked: set[str]) -> OwnCampaign:
    campaign = card.campaign
    rewards = [
        OwnReward(
            entry.reward, entry.required_minutes, entry.minutes, (campaign.pk, entry.reward.pk) in claimed
        )
        for entry in card.thresholds
    ]
    is_linked = campaign.organization_id in linked
    return OwnCampaign(campaign, _status(card, claimed), is_linked, card.minutes, rewards)


def _status(card: CampaignCard, claimed: Claimed) -> str:
    if all((card.campaign.pk, threshold.reward.pk) in claimed for threshold in card.thresholds):
        return "claimed"
    match card.phase:
        case CampaignPhase.LIVE:
            return "in_progress"
        case CampaignPhase.SCHEDULED | CampaignPhase.ANNOUNCED:
            return "upcoming"
    return "expired"
