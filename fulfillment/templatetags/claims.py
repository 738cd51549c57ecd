"""What pages show of a viewer's claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from django import template
from django.template.context import Context

from accounts.domain import links
from drops.domain.campaigns.reading import CampaignCard, Threshold
from fulfillment.domain.claims.inventory import claims_of
from fulfillment.domain.delivery.status import claim_status
from fulfillment.domain.delivery.words import to_viewer
from fulfillment.models import Claim

register = template.Library()


@register.simple_tag(takes_context=True)
def claimed(context: Context, cards: Sequence[CampaignCard]) -> dict[tuple[str, str], Claim]:
    """The claims that the person who is signed in has made in the cards' campaigns. At most three queries."""
    user = context["user"]
    if not user.is_authenticated:
        return {}
    claims = claims_of(user).filter(campaign__in=[card.campaign for card in cards])
    return {(claim.campaign_id, claim.reward_id): claim for claim in claims}


@register.filter
def of(claims: Mapping[tuple[str, str], Claim], threshold: Threshold) -> Claim | None:
    """The claim of the attached reward."""
    return claims.get((threshold.attached.campaign_id, threshold.attached.reward_id))


@register.simple_tag(takes_context=True)
def connected(context: Context) -> Set[str]:
    """The ids of the organizations that the person who is signed in is connected to. One query."""
    user = context["user"]
    return links.linked_organization_ids(user) if user.is_authenticated else frozenset()


@register.filter
def where(claim: Claim) -> dict[str, Any]:
    """Where the claim is, as its viewer reads it."""
    return to_viewer(claim, claim_status(claim.deliveries.all()))
