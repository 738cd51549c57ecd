"""The health of an endpoint: whether it works, how fast it answers, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min

from fulfillment.domain.delivery.status import (
    DELIVERY_RULES,
    OF_CLAIM,
    PENDING,
    PLANNED,
    DeliveryStatus,
    EndpointStatus,
    endpoint_status,
    in_flight,
)
from fulfillment.models import Attempt, Delivery, ErrorClass, Trigger, WebhookEndpoint

# What the rates and times are taken from: the attempts of a day, the newest thousand of them.
PERIOD = timedelta(hours=24)
MOST_ATTEMPTS = 1000
SHOWN_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """`success_rate` is 0 to 1; it and the times (in milliseconds) are None where no claim was sent in a day.

    `waiting` and `oldest_waiting_at` are of claims not delivered yet, `failed` of those that wait for an
    owner. `in_flight` and `next_attempt_at` are of claims and tests alike: the
    requests on their way, and when the earliest of those to come is planned, None where none is.
    """

    status: EndpointStatus
    attempts: int
    success_rate: float | None
    p50_ms: int | None
    p95_ms: int | None
    waiting: int
    failed: int
    in_flight: int
    oldest_waiting_at: datetime | None
    next_attempt_at: datetime | None
    breaker_open_until: datetime | None
    failing_since: datetime | None

    @property
    def held(self) -> int:
        """Claims that wait until the endpoint is released or verified."""
        return self.waiting if self.status in (EndpointStatus.HELD, EndpointStatus.UNVERIFIED) else 0

    @property
    def on_its_way(self) -> int:
        return self.waiting - self.held

    @property
    def needs_you(self) -> int:
        return self.held + self.failed


def endpoint_health(*, endpoint: WebhookEndpoint, now: datetime) -> EndpointHealth:
    """How `endpoint` does at `now`. Three queries, whatever waits.

    Tests and rehearsals say nothing of how it treats claims: the rates and times are without them.
    """
    recent = list(
        Attempt.objects.filter(endpoint=endpoint, started_at__gt=now - PERIOD, delivery__claim__isnull=False)
        .exclude(error_class__in=[ErrorClass.CRASHED, ErrorClass.SIGNING])
        .exclude(trigger=Trigger.REHEARSAL)
        .order_by("-started_at")
        .only("status", "duration_ms")[:MOST_ATTEMPTS]
    )
    times = sorted(attempt.duration_ms for attempt in recent if attempt.duration_ms is not None)
    failed = Delivery.objects.filter(DELIVERY_RULES[DeliveryStatus.FAILED], endpoint=endpoint).count()
    queue = Delivery.objects.filter(PENDING, endpoint=endpoint).aggregate(
        waiting=Count("pk", filter=OF_CLAIM),
        in_flight=Count("pk", filter=in_flight(now)),
        oldest=Min("created_at", filter=OF_CLAIM),
        next=Min("next_attempt_at", filter=PLANNED),
    )
    planned = queue["next"]
    if planned is not None and endpoint.breaker_open_until is not None:
        planned = max(planned, endpoint.breaker_open_until)
    return EndpointHealth(
        status=endpoint_status(endpoint, now),
        attempts=len(recent),
        success_rate=sum(attempt.succeeded for attempt in recent) / len(recent) if recent else None,
        p50_ms=_percentile(times, 0.50),
        p95_ms=_percentile(times, 0.95),
        waiting=queue["waiting"],
        failed=failed,
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


def _percentile(ordered: list[int], share: float) -> int | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
