"""What became of claims, worked out from the rows alone, the slow and obvious way."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from accounts.models import new_ulid
from fulfillment.domain.delivery.attempts import Outcome, write_outcomes
from fulfillment.domain.delivery.messages import CLAIM_CREATED, claim_body
from fulfillment.domain.delivery.queue import Lease
from fulfillment.models import (
    Attempt,
    Claim,
    ClaimHour,
    ClaimStatusChange,
    DeliveredHour,
    Delivery,
    StatusHour,
    WebhookEndpoint,
)

Counts = dict[tuple[Any, ...], Any]


def outcome(claim: Claim, endpoint: WebhookEndpoint, at: datetime, *, status: int = 200) -> Outcome:
    """An attempt that ended at `at`, to be written down."""
    token = new_ulid()
    leased = {"lease_token": token, "leased_at": at, "next_attempt_at": at, "state": "pending"}
    delivery, is_new = Delivery.objects.get_or_create(
        claim=claim,
        endpoint=endpoint,
        defaults={**leased, "event_type": CLAIM_CREATED, "body": claim_body(claim), "created_at": at},
    )
    if not is_new:
        Delivery.objects.filter(pk=delivery.pk).update(**leased)
        delivery.refresh_from_db()
    number = delivery.attempts.count() + 1
    attempt = Attempt(
        delivery=delivery,
        endpoint=endpoint,
        number=number,
        trigger="claim",
        started_at=at,
        duration_ms=0,
        status=status,
    )
    return Outcome(Lease(delivery, endpoint, token), attempt)


def deliver(claim: Claim, endpoint: WebhookEndpoint, at: datetime, *, status: int = 200) -> None:
    write_outcomes([outcome(claim, endpoint, at, status=status)])


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def recomputed() -> tuple[Counts, Counts, Counts]:
    """Claims that arrived; changes of status, and those of claims that had never had it; viewers who had claimed
    nothing before."""
    arrived: Counter[Any] = Counter()
    for claim in Claim.objects.filter(test=False):
        moments = [row.delivered_at for row in claim.deliveries.all() if row.delivered_at]
        if moments:
            arrived[claim.campaign_id, claim.reward_id, hour_of(min(moments))] += 1
    changes: Counts = {}
    had = set()
    for change in ClaimStatusChange.objects.filter(claim__test=False).order_by("pk"):
        key = change.claim.campaign_id, change.claim.reward_id, hour_of(change.at), change.old, change.new
        count, firsts = changes.get(key, (0, 0))
        changes[key] = (count + 1, firsts + ((change.claim_id, change.new) not in had))
        had.add((change.claim_id, change.new))
    new: Counter[Any] = Counter()
    known = set()
    for claim in Claim.objects.filter(rehearsal=None).order_by("created_at", "pk"):
        if (claim.viewer_id, claim.campaign_id, claim.test) not in known:
            new[claim.campaign_id, claim.reward_id, hour_of(claim.created_at), claim.test] += 1
        known.add((claim.viewer_id, claim.campaign_id, claim.test))
    return dict(arrived), changes, dict(new)


def stored() -> tuple[Counts, Counts, Counts]:
    arrived = DeliveredHour.objects.values_list("campaign", "reward", "hour", "claims")
    changes = StatusHour.objects.values_list("campaign", "reward", "hour", "old", "new", "changes", "firsts")
    new = ClaimHour.objects.filter(new_viewers__gt=0)
    hours = new.values_list("campaign", "reward", "hour", "test", "new_viewers")
    return (
        {tuple(key): claims for *key, claims in arrived},
        {tuple(key): (count, firsts) for *key, count, firsts in changes},
        {tuple(key): viewers for *key, viewers in hours},
    )


def assert_counted() -> None:
    assert stored() == recomputed()
