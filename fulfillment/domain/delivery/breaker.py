"""An endpoint's condition: failing or well, its circuit breaker, and the hold that ends a long failure.

The healthy path writes nothing here, so that the deliveries of one endpoint do not queue for its row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Q

from accounts.domain import audit
from fulfillment.domain.delivery import notices
from fulfillment.domain.delivery.status import LONGEST_PAUSE
from fulfillment.models import Attempt, ErrorClass, HoldReason, WebhookEndpoint

# Open when, in the last five minutes, at least ten attempts were made and at least 70 % failed.
WINDOW = timedelta(minutes=5)
LEAST_ATTEMPTS = 10
FAILED_SHARE = 0.7
OPEN_FOR = timedelta(seconds=30)
# With Retry-After they pause the whole endpoint, for LONGEST_PAUSE at most: one answer cannot silence it for long.
PAUSING_STATUSES = (429, 503)
HOLD_AFTER = timedelta(days=5)
GONE = 410


ARRIVED = Q(status__gte=200, status__lt=300)


def begin_probe(endpoint: WebhookEndpoint, now: datetime, longest: timedelta) -> None:
    """Of an open breaker whose time is over: keep it shut for everybody else while one attempt is made."""
    endpoint.breaker_open_until = now + longest
    endpoint.save(update_fields=["breaker_open_until"])


def note_success(endpoint: WebhookEndpoint, now: datetime) -> None:
    """The endpoint, which is locked, answered 2xx: whatever was wrong with it is over."""
    if endpoint.failing_since is not None:
        notices.note_recovery(endpoint=endpoint, now=now)
    endpoint.failing_since = endpoint.released_at = endpoint.breaker_open_until = None
    endpoint.breaker_counts_from = now
    endpoint.save(update_fields=["failing_since", "released_at", "breaker_open_until", "breaker_counts_from"])


def note_failure(endpoint: WebhookEndpoint, made: Attempt, *, pause: timedelta, keys: int = 1) -> None:
    """The attempt `made`, which is saved, failed at the endpoint, which is locked.

    `pause` is what its Retry-After asked for; `keys` are published: until a delivery was tried with each
    of them, a failure may mean no more than that the receiver has the other one.
    """
    now = made.started_at
    if endpoint.failing_since is None:
        endpoint.failing_since = now
    closed_for = timedelta()
    if made.number >= keys and (endpoint.breaker_open_until is not None or _should_open(endpoint, now, keys)):
        closed_for = OPEN_FOR
    if pause and made.status in PAUSING_STATUSES:
        closed_for = max(closed_for, min(pause, LONGEST_PAUSE))
    if closed_for:
        # An answer that was on its way for long shortens nothing.
        endpoint.breaker_open_until = max(endpoint.breaker_open_until or now, now + closed_for)
    failing_for = now - (endpoint.released_at or endpoint.failing_since)
    if endpoint.held_at is None and (made.status == GONE or failing_for >= HOLD_AFTER):
        endpoint.held_at = now
        endpoint.held_reason = HoldReason.GONE if made.status == GONE else HoldReason.FAILING
        audit.record("endpoint.held", endpoint, by=None, at=now, data={"reason": endpoint.held_reason})
    endpoint.save(update_fields=["failing_since", "breaker_open_until", "held_at", "held_reason"])


def _should_open(endpoint: WebhookEndpoint, now: datetime, keys: int) -> bool:
    """Crashes of ours are not the endpoint's failures, nor are refusals of one key of several."""
    since = max(now - WINDOW, endpoint.breaker_counts_from or now - WINDOW)
    recent = Attempt.objects.filter(endpoint=endpoint, started_at__gte=since).exclude(
        error_class__in=[ErrorClass.CRASHED, ErrorClass.SIGNING]
    )
    counts = recent.aggregate(
        made=Count("pk", filter=ARRIVED | Q(number__gte=keys)), arrived=Count("pk", filter=ARRIVED)
    )
    made: int = counts["made"]
    return made >= LEAST_ATTEMPTS and made - counts["arrived"] >= FAILED_SHARE * made
