"""What people type to find one claim or delivery: a whole id. An index answers, and no part of an id is an oracle."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import parse_ulid
from fulfillment.models import Claim, Delivery


def search_claims(claims: QuerySet[Claim], term: str) -> QuerySet[Claim]:
    """By the id of a claim or of a user. Nothing typed finds all, what is no id finds nothing."""
    term = term.strip()
    if not term:
        return claims
    if term.isdecimal() and len(term) < 19:
        return claims.filter(viewer=int(term))
    return claims.filter(pk=parse_ulid(term))


def search_deliveries(deliveries: QuerySet[Delivery], term: str) -> QuerySet[Delivery]:
    """By the id of a delivery or of its claim. Nothing typed finds all, what is no id finds nothing."""
    term = term.strip()
    if not term:
        return deliveries
    ulid = parse_ulid(term)
    # Tests have no claim: that of no id must not be asked for.
    return deliveries.filter(Q(pk=ulid) | Q(claim=ulid)) if ulid else deliveries.none()
