"""What pages show of a viewer's claims."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from django import template
from django.template.context import Context

from accounts.domain import links
from drops.domain.campaigns.reading import CampaignCard
from fulfillment.domain.delivery.status import claim_status
from fulfillment.domain.delivery.words import to_viewer
from fulfillment.models import Claim

register = template.Library()


@register.simple_tag(takes_context=True)
def claimed(context: Context, cards: Sequence[CampaignCard]) -> frozenset[int]:
    """Which of the cards' attached rewards the person who is signed in has claimed, by their ids. One query."""
    user = context["user"]
    if not user.is_authenticated:
        return frozenset()
    claims = set(
        Claim.objects.filter(viewer=user, campaign__in=[card.campaign for card in cards]).values_list(
            "campaign_id", "reward_id"
        )
    )
    return frozenset(
        threshold.attached.pk
        for card in cards
        for threshold in card.thresholds
        if (card.campaign.pk, threshold.reward.pk) in claims
    )


@register.simple_tag(takes_context=True)
def connected(context: Context) -> Set[str]:
    """The ids of the organizations that the person who is signed in is connected to. One query."""
    user = context["user"]
    return links.linked_organization_ids(user) if user.is_authenticated else frozenset()


@register.filter
def where(claim: Claim) -> dict[str, Any]:
    """Where the claim is, as its viewer reads it."""
    return to_viewer(claim, claim_status(claim.deliveries.all()))
