"""What a studio says became of a claim on its side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from accounts.domain import audit
from accounts.models import OAuthApp
from fulfillment.domain.claims.hours import count_changes
from fulfillment.models import Claim, ClaimStatusChange


class UnknownClaims(Exception):
    """None of the organization's claims have these ids."""

    def __init__(self, claim_ids: list[str]) -> None:
        super().__init__(f"No such claim: {', '.join(claim_ids)}.")


@transaction.atomic
def set_statuses(*, app: OAuthApp, statuses: Mapping[str, str], now: datetime) -> None:
    """Set the `external_status` of claims by id, all of them or none. A status a claim has already changes nothing.

    `app` must belong to an organization. Raises UnknownClaims, for foreign claims alike.
    """
    # Ordered by id, so that two calls that name the same claims in another order cannot wait for each other.
    claims = {
        claim.id: claim
        for claim in Claim.objects.select_for_update()
        .filter(organization=app.organization, id__in=statuses)
        .order_by("id")
    }
    if unknown := [claim_id for claim_id in statuses if claim_id not in claims]:
        raise UnknownClaims(unknown)
    changed = [claim for claim in claims.values() if claim.external_status != statuses[claim.id]]
    if not changed:
        return
    by_status: dict[str, list[str]] = defaultdict(list)
    for claim in changed:
        by_status[statuses[claim.id]].append(claim.id)
    for status, claim_ids in by_status.items():
        Claim.objects.filter(id__in=claim_ids).update(external_status=status, updated_at=now)
    changes = [
        ClaimStatusChange(claim=claim, at=now, old=claim.external_status, new=statuses[claim.id])
        for claim in changed
    ]
    count_changes(changes)
    ClaimStatusChange.objects.bulk_create(changes)
    audit.record(
        "claims.status_changed",
        app,
        by=app,
        at=now,
        data={
            "changes": [
                {"claim_id": claim.id, "old": claim.external_status, "new": statuses[claim.id]}
                for claim in changed
            ]
        },
    )
