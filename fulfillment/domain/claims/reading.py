"""Claims as partners, owners and operators look for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.db.models.lookups import Exact

from accounts.models import parse_ulid
from config.ulid import UlidEnd, first_ulid, ulid_end
from drops.models import Campaign
from fulfillment.models import Claim, ClaimHour, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFilter:
    """Which claims to find. None and "" do not limit. Claims of the moment `until` itself are not found."""

    campaign_id: str | None = None
    viewer_id: int | None = None
    claim_id: str | None = None
    external_status: str = ""
    since: datetime | None = None
    until: datetime | None = None
    updated_since: datetime | None = None


def claims_of(organization_id: str, wanted: ClaimFilter) -> QuerySet[Claim]:
    """The organization's claims that `wanted` finds."""
    conditions = {
        "pk": wanted.claim_id,
        "campaign": wanted.campaign_id,
        "viewer": wanted.viewer_id,
        "external_status": wanted.external_status,
        "created_at__gte": wanted.since,
        "created_at__lt": wanted.until,
        "updated_at__gte": wanted.updated_since,
    }
    limits = {name: value for name, value in conditions.items() if value not in (None, "")}
    return Claim.objects.filter(organization=organization_id, **limits)


class ClaimPage(NamedTuple):
    claims: list[dict[str, Any]]
    cursor: str  # what to pass for the next page, "" where this is the last


FIELDS = (
    "id",
    "viewer_id",
    "campaign_id",
    "reward_id",
    "external_id",
    "external_status",
    "created_at",
    "updated_at",
    "test",
)
KEYS = ("claim_id", "user_id", *FIELDS[2:])


def claims_page(*, organization_id: str, wanted: ClaimFilter, after: str | None, limit: int) -> ClaimPage:
    """The organization's claims past the claim id `after`, oldest first, at the same cost however many there are.

    Ids grow in commit order within an organization: a partner that goes on from the last id it saw misses none.
    """
    claims = claims_of(organization_id, wanted)
    if after is not None:
        claims = claims.filter(id__gt=after)
    rows = list(claims.order_by("id").values_list(*FIELDS)[: limit + 1])
    page = [dict(zip(KEYS, row, strict=True)) for row in rows[:limit]]
    return ClaimPage(page, page[-1]["claim_id"] if len(rows) > limit else "")


def search_claims(claims: QuerySet[Claim], term: str) -> QuerySet[Claim]:
    """By the id of a claim, whole or by its last eight characters, or of a user. Nothing typed finds all, what is
    no id finds nothing."""
    term = term.strip()
    if not term:
        return claims
    if end := ulid_end(term):
        found = claims.filter(Exact(UlidEnd("id"), end))
        if not term.isdecimal() or found.exists():
            return found
    if term.isdecimal() and len(term) < 19:
        return claims.filter(viewer=int(term))
    return claims.filter(pk=parse_ulid(term))


MOST_RECENT = 10_000


class Recent(NamedTuple):
    """Claims of a period, and those of them that have arrived at an endpoint."""

    claims: int
    delivered: int


def recent_claims(*, organization_id: str, since: datetime) -> Mapping[str, Recent]:
    """By campaign id, the claims made since then, those in test mode left out: the newest 10,000. One query."""
    newest = (
        Claim.objects.filter(organization=organization_id, id__gte=first_ulid(since), test=False)
        .order_by("-id")
        .values("pk")[:MOST_RECENT]
    )
    arrived = Exists(Delivery.objects.filter(claim=OuterRef("pk"), delivered_at__isnull=False))
    rows = Claim.objects.filter(pk__in=newest).order_by().values_list("campaign_id")
    counts = rows.annotate(Count("pk"), delivered=Count("pk", filter=arrived))
    return {campaign_id: Recent(claims, delivered) for campaign_id, claims, delivered in counts}


def claimed_by_reward(campaign: Campaign, *, test: bool = False) -> Mapping[str, int]:
    """Claims of a campaign by reward id: those in test mode, or the others. Rehearsals are in neither."""
    hours = ClaimHour.objects.filter(campaign=campaign, test=test).order_by()
    return dict(hours.values_list("reward_id").annotate(Sum("claims")))
