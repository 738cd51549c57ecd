"""Claims as partners read them: page by page, at the same cost however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from fulfillment.models import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFilter:
    """What to leave out. None and "" leave nothing out."""

    campaign_id: str | None = None
    user_id: int | None = None
    claim_id: str | None = None
    external_status: str = ""
    updated_since: datetime | None = None


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
)
KEYS = ("claim_id", "user_id", *FIELDS[2:])


def claims_page(*, organization_id: str, wanted: ClaimFilter, after: str | None, limit: int) -> ClaimPage:
    """The organization's claims past the claim id `after`, oldest first.

    Ids grow in commit order within an organization: who goes on from the last id it saw misses none.
    """
    claims = Claim.objects.filter(organization=organization_id)
    if after is not None:
        claims = claims.filter(id__gt=after)
    if wanted.claim_id is not None:
        claims = claims.filter(id=wanted.claim_id)
    if wanted.campaign_id is not None:
        claims = claims.filter(campaign=wanted.campaign_id)
    if wanted.user_id is not None:
        claims = claims.filter(viewer=wanted.user_id)
    if wanted.external_status:
        claims = claims.filter(external_status=wanted.external_status)
    if wanted.updated_since is not None:
        claims = claims.filter(updated_at__gte=wanted.updated_since)
    rows = list(claims.order_by("id").values_list(*FIELDS)[: limit + 1])
    page = [dict(zip(KEYS, row, strict=True)) for row in rows[:limit]]
    return ClaimPage(page, page[-1]["claim_id"] if len(rows) > limit else "")
