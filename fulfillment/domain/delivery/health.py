"""The health of an endpoint: whether it works, how fast it answers, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, TextChoices

from fulfillment.models import (
    Attempt,
    Delivery,
    DeliveryState,
    ErrorClass,
    WebhookEndpoint,
)

# What the rates and times are taken from: the attempts of a day, the newest thousand of them.
PERIOD = timedelta(hours=24)
MOST_ATTEMPTS = 1000
SHOWN_ATTEMPTS = 10


class Condition(TextChoices):
    UNVERIFIED = "unverified", "Waiting for its first test to be answered"
    WELL = "well", "Working"
    FAILING = "failing", "Failing"
    PAUSED = "paused", "Paused for a moment after failures"
    HELD = "held", "Held"


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """`success_rate` is 0 to 1; it and the times (in milliseconds) are None where no claim was sent in a day.

    `waiting` and `oldest_waiting_at` are of claims not delivered yet, `stuck` of those that are held
    each by itself and need an owner. `in_flight` and `next_attempt_at` are of claims and tests alike: the
    requests on their way, and when the earliest of those to come is planned, None where none is.
    """

    condition: Condition
    attempts: int
    success_rate: float | None
    p50_ms: int | None
    p95_ms: int | None
    waiting: int
    stuck: int
    in_flight: int
    oldest_waiting_at: datetime | None
    next_attempt_at: datetime | None
    breaker_open_until: datetime | None
    failing_since: datetime | None


def endpoint_health(*, endpoint: WebhookEndpoint, now: datetime) -> EndpointHealth:
    """How `endpoint` does at `now`. Three queries, whatever waits.

    Tests say nothing of how it treats claims: the rates and times are without them.
    """
    recent = list(
        Attempt.objects.filter(endpoint=endpoint, started_at__gt=now - PERIOD, delivery__claim__isnull=False)
        .exclude(error_class__in=[ErrorClass.CRASHED, ErrorClass.SIGNING])
        .order_by("-started_at")
        .only("status", "duration_ms")[:MOST_ATTEMPTS]
    )
    times = sorted(attempt.duration_ms for attempt in recent if attempt.duration_ms is not None)
    of_a_claim = Q(claim__isnull=False)
    stuck = Delivery.objects.filter(of_a_claim, endpoint=endpoint, state=DeliveryState.FAILED).count()
    sent_by_itself = Q(lease_token=None) & (Q() if endpoint.verified_at else ~of_a_claim)
    queue = Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING).aggregate(
        waiting=Count("pk", filter=of_a_claim),
        in_flight=Count("pk", filter=Q(lease_token__isnull=False, next_attempt_at__gt=now)),
        oldest=Min("created_at", filter=of_a_claim),
        next=Min("next_attempt_at", filter=sent_by_itself),
    )
    planned = None if endpoint.held_at or endpoint.deleted_at else queue["next"]
    if planned is not None and endpoint.breaker_open_until is not None:
        planned = max(planned, endpoint.breaker_open_until)
    return EndpointHealth(
        condition=condition_of(endpoint, now),
        attempts=len(recent),
        success_rate=sum(attempt.succeeded for attempt in recent) / len(recent) if recent else None,
        p50_ms=_percentile(times, 0.50),
        p95_ms=_percentile(times, 0.95),
        waiting=queue["waiting"],
        stuck=stuck,
        in_flight=queue["in_flight"],
        oldest_waiting_at=queue["oldest"],
        next_attempt_at=planned,
        breaker_open_until=endpoint.breaker_open_until,
        failing_since=endpoint.failing_since,
    )


def recent_attempts(*, endpoint: WebhookEndpoint) -> list[Attempt]:
    """The newest attempts at `endpoint`, each with its `delivery`, of which the claim's id alone is loaded.
    One query."""
    attempts = Attempt.objects.filter(endpoint=endpoint).select_related("delivery").order_by("-started_at")
    shown = ("delivery__claim", "number", "started_at", "duration_ms", "status", "error_class")
    return list(attempts.only(*shown)[:SHOWN_ATTEMPTS])


def condition_of(endpoint: WebhookEndpoint, now: datetime) -> Condition:
    """One word for an endpoint, without a query."""
    if endpoint.held_at is not None:
        return Condition.HELD
    if endpoint.verified_at is None:
        return Condition.UNVERIFIED
    if endpoint.breaker_open_until is not None and endpoint.breaker_open_until > now:
        return Condition.PAUSED
    return Condition.WELL if endpoint.failing_since is None else Condition.FAILING


def _percentile(ordered: list[int], share: float) -> int | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
