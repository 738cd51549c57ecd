"""An endpoint's condition: failing or well, its circuit breaker, and the hold that ends a long failure.

The healthy path writes nothing here, so that the deliveries of one endpoint do not queue for its row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Q

from accounts.domain import audit
from fulfillment.domain import notices
from fulfillment.models import Attempt, ErrorClass, HoldReason, WebhookEndpoint

# Open when, in the last five minutes, at least ten attempts were made and at least 70 % failed.
WINDOW = timedelta(minutes=5)
LEAST_ATTEMPTS = 10
FAILED_SHARE = 0.7
OPEN_FOR = timedelta(seconds=30)
# A 429 or 503 with Retry-After pauses the whole endpoint, but one answer cannot silence it for long.
LONGEST_PAUSE = timedelta(minutes=5)
PAUSING_STATUSES = (429, 503)
HOLD_AFTER = timedelta(days=5)
GONE = 410


def begin_probe(endpoint: WebhookEndpoint, now: datetime, longest: timedelta) -> None:
    """Of an open breaker whose time is over: keep it shut for everybody else while one attempt is made."""
    endpoint.breaker_open_until = now + longest
    endpoint.save(update_fields=["breaker_open_until"])


def note_success(endpoint: WebhookEndpoint, now: datetime) -> None:
    """The endpoint answered 2xx: whatever was wrong with it is over. In a transaction."""
    recovering = (
        WebhookEndpoint.objects.select_for_update(no_key=True)
        .filter(Q(failing_since__isnull=False) | Q(breaker_open_until__isnull=False), pk=endpoint.pk)
        .first()
    )
    if recovering is None:
        return
    if recovering.failing_since is not None:
        notices.note_recovery(endpoint=recovering, now=now)
    recovering.failing_since = recovering.breaker_open_until = None
    recovering.breaker_counts_from = now
    recovering.save(update_fields=["failing_since", "breaker_open_until", "breaker_counts_from"])


def note_failure(endpoint: WebhookEndpoint, made: Attempt, *, pause: timedelta) -> None:
    """`made`, not yet saved, failed; `pause` is what its Retry-After asked for. In a transaction."""
    now = made.started_at
    failing = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    if failing.failing_since is None:
        failing.failing_since = now
    if failing.breaker_open_until is not None or _should_open(failing, now):
        failing.breaker_open_until = now + OPEN_FOR
    if pause and made.status in PAUSING_STATUSES:
        failing.breaker_open_until = max(failing.breaker_open_until or now, now + min(pause, LONGEST_PAUSE))
    if failing.held_at is None and (made.status == GONE or now - failing.failing_since >= HOLD_AFTER):
        failing.held_at = now
        failing.held_reason = HoldReason.GONE if made.status == GONE else HoldReason.FAILING
        audit.record(
            action="endpoint.held",
            target=failing,
            now=now,
            actor=None,
            organization=failing.organization,
            data={"reason": failing.held_reason},
        )
    failing.save(update_fields=["failing_since", "breaker_open_until", "held_at", "held_reason"])


def _should_open(endpoint: WebhookEndpoint, now: datetime) -> bool:
    """Counts the failure at hand, which is not saved yet. Crashes of ours are not the endpoint's failures."""
    since = max(now - WINDOW, endpoint.breaker_counts_from or now - WINDOW)
    recent = Attempt.objects.filter(endpoint=endpoint, started_at__gte=since).exclude(
        error_class__in=[ErrorClass.CRASHED, ErrorClass.SIGNING]
    )
    counts = recent.aggregate(
        made=Count("pk"), failed=Count("pk", filter=~Q(status__gte=200, status__lt=300) | Q(status=None))
    )
    made: int = counts["made"] + 1
    failed: int = counts["failed"] + 1
    return made >= LEAST_ATTEMPTS and failed / made >= FAILED_SHARE
