"""The condition of an endpoint: whether it fails, its circuit breaker, and the hold after a long failure.

A success at a healthy endpoint writes nothing here, so deliveries of one endpoint do not wait for its row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Q

from accounts.domain import audit
from fulfillment.domain.delivery import notices
from fulfillment.domain.delivery.status import LONGEST_PAUSE
from fulfillment.models import Attempt, ErrorClass, HoldReason, Trigger, WebhookEndpoint

# Open when, in the last five minutes, at least ten attempts were made and at least 70 % failed.
WINDOW = timedelta(minutes=5)
LEAST_ATTEMPTS = 10
FAILED_SHARE = 0.7
OPEN_FOR = timedelta(seconds=30)
# Retry-After with one of these statuses pauses the whole endpoint, for LONGEST_PAUSE at most.
PAUSING_STATUSES = (429, 503)
HOLD_AFTER = timedelta(days=5)
GONE = 410


ARRIVED = Q(status__gte=200, status__lt=300)


def begin_probe(endpoint: WebhookEndpoint, now: datetime, longest: timedelta) -> None:
    """The breaker's pause is over: hold back all other deliveries while one attempt tests the endpoint."""
    endpoint.breaker_open_until = now + longest
    endpoint.save(update_fields=["breaker_open_until"])


def note_success(endpoint: WebhookEndpoint, now: datetime) -> None:
    """The endpoint answered 2xx: clear everything that was wrong with it. The endpoint is locked."""
    if endpoint.failing_since is not None:
        notices.note_recovery(endpoint=endpoint, now=now)
    endpoint.failing_since = endpoint.released_at = endpoint.breaker_open_until = None
    endpoint.breaker_counts_from = now
    endpoint.save(update_fields=["failing_since", "released_at", "breaker_open_until", "breaker_counts_from"])


def note_failure(endpoint: WebhookEndpoint, attempt: Attempt, *, pause: timedelta, keys: int = 1) -> None:
    """`attempt` failed at the endpoint. The attempt is saved, and the endpoint is locked.

    `pause` is what the answer's Retry-After asked for. `keys` is the number of published keys: until a delivery
    was tried with each of them, a failure may only mean that the receiver knows another key.
    """
    now = attempt.started_at
    if endpoint.failing_since is None:
        endpoint.failing_since = now
    closed_for = timedelta()
    if attempt.number >= keys and (
        endpoint.breaker_open_until is not None or _should_open(endpoint, now, keys)
    ):
        closed_for = OPEN_FOR
    if pause and attempt.status in PAUSING_STATUSES:
        closed_for = max(closed_for, min(pause, LONGEST_PAUSE))
    if closed_for:
        # A late answer must not shorten a pause.
        endpoint.breaker_open_until = max(endpoint.breaker_open_until or now, now + closed_for)
    failing_for = now - (endpoint.released_at or endpoint.failing_since)
    if endpoint.held_at is None and (attempt.status == GONE or failing_for >= HOLD_AFTER):
        endpoint.held_at = now
        endpoint.held_reason = HoldReason.GONE if attempt.status == GONE else HoldReason.FAILING
        audit.record("endpoint.held", endpoint, by=None, at=now, data={"reason": endpoint.held_reason})
    endpoint.save(update_fields=["failing_since", "breaker_open_until", "held_at", "held_reason"])


def _should_open(endpoint: WebhookEndpoint, now: datetime, keys: int) -> bool:
    """Whether enough recent attempts failed. Our own crashes do not count, nor do refusals of one key of several."""
    since = max(now - WINDOW, endpoint.breaker_counts_from or now - WINDOW)
    recent = Attempt.objects.filter(endpoint=endpoint, started_at__gte=since).exclude(
        error_class__in=[ErrorClass.CRASHED, ErrorClass.SIGNING]
    )
    recent = recent.exclude(trigger=Trigger.REHEARSAL)
    counts = recent.aggregate(
        made=Count("pk", filter=ARRIVED | Q(number__gte=keys)), arrived=Count("pk", filter=ARRIVED)
    )
    made: int = counts["made"]
    return made >= LEAST_ATTEMPTS and made - counts["arrived"] >= FAILED_SHARE * made
