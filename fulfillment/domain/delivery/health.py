"""The health of an endpoint: whether it works, how fast it answers, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from fulfillment.domain.delivery.hours import Answers, answers_by_hour, together
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
from fulfillment.models import Attempt, Delivery, WebhookEndpoint

# What the rates and times are taken from.
HOURS = 24
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


def endpoint_health(
    *, endpoint: WebhookEndpoint, now: datetime, day: Answers | None = None
) -> EndpointHealth:
    """How `endpoint` does at `now`. `day`: its answers of the last 24 hours, where they are known already. Four
    queries otherwise, whatever waits.

    Tests and rehearsals say nothing of how it treats claims: the rates and times are without them.
    """
    if day is None:
        day = together(answers_by_hour(endpoint=endpoint, now=now, hours=HOURS).values())
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
        attempts=day.attempts,
        success_rate=day.share,
        p50_ms=day.percentile(0.50),
        p95_ms=day.percentile(0.95),
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
