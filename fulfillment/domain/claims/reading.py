"""Claims as owners and operators look for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Count, QuerySet

from accounts.models import parse_ulid
from drops.models import Campaign
from fulfillment.models import Claim


def search_claims(claims: QuerySet[Claim], term: str) -> QuerySet[Claim]:
    """By the id of a claim or of a user. Nothing typed finds all, what is no id finds nothing."""
    term = term.strip()
    if not term:
        return claims
    if term.isdecimal() and len(term) < 19:
        return claims.filter(viewer=int(term))
    return claims.filter(pk=parse_ulid(term))


def claimed_by_campaign(campaigns: Iterable[Campaign]) -> Mapping[str, int]:
    """Claims by campaign id; a campaign without any is missing."""
    ids = [campaign.pk for campaign in campaigns]
    return dict(
        Claim.objects.filter(campaign__in=ids).order_by().values_list("campaign_id").annotate(Count("pk"))
    )


def claimed_by_reward(campaign: Campaign) -> Mapping[str, int]:
    """Claims of a campaign by reward id."""
    claims = Claim.objects.filter(campaign=campaign).order_by()
    return dict(claims.values_list("reward_id").annotate(Count("pk")))
