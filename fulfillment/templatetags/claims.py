"""What pages show of a viewer's claims."""

from __future__ import annotations

from django import template
from django.template.context import Context

from drops.models import Campaign
from fulfillment.domain import queries
from fulfillment.models import Claim

register = template.Library()


@register.simple_tag(takes_context=True)
def claimed_rewards(context: Context, campaign: Campaign) -> frozenset[str]:
    """The ids of the campaign's rewards that the person who is signed in has claimed."""
    user = context["user"]
    if not user.is_authenticated:
        return frozenset()
    return frozenset(Claim.objects.filter(viewer=user, campaign=campaign).values_list("reward_id", flat=True))


@register.filter
def arrival(claim: Claim) -> str:
    """The name of the claim's `Arrival`."""
    return queries.arrival(claim.deliveries.all()).name
