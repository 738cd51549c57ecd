"""The story of one claim: what happened to it, and what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from fulfillment.domain.delivery.status import DeliveryStatus, delivery_status
from fulfillment.models import (
    Attempt,
    Claim,
    ClaimStatusChange,
    Delivery,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a claim's story. `attempt` or `change` has the details, where there are any."""

    at: datetime
    what: str
    attempt: Attempt | None = None
    change: ClaimStatusChange | None = None


def claim_timeline(*, claim: Claim, with_addresses: bool = True) -> list[Moment]:
    """What happened to `claim`, oldest first: claimed, every attempt, every status the studio set, and what is
    planned next. Without addresses, endpoints are named by their hosts, and errors by their kinds. Three queries."""
    moments = [Moment(claim.created_at, "Claimed")]
    deliveries = {
        delivery.pk: delivery for delivery in Delivery.objects.filter(claim=claim).select_related("endpoint")
    }
    for attempt in Attempt.objects.filter(delivery__in=deliveries).order_by("started_at", "pk"):
        attempt.delivery = deliveries[attempt.delivery_id]
        words = _attempt_words(attempt, with_addresses)
        moments.append(Moment(attempt.started_at, words, attempt=attempt))
    moments += [
        Moment(change.at, f"The studio set its status to “{change.new}”", change=change)
        for change in claim.status_changes.all()
    ]
    moments.sort(key=lambda moment: moment.at)
    return moments + [
        _plan(delivery, delivery.next_attempt_at, with_addresses)
        for delivery in deliveries.values()
        if delivery.next_attempt_at is not None
    ]


def _attempt_words(attempt: Attempt, with_addresses: bool) -> str:
    where = attempt.url if with_addresses else urlsplit(attempt.url).hostname
    if attempt.succeeded:
        return f"Delivered to {where}"
    error = attempt.error if with_addresses else attempt.get_error_class_display()
    return f"Attempt {attempt.number} at {where} failed: {error or attempt.error_class}"


def _plan(delivery: Delivery, next_attempt_at: datetime, with_addresses: bool) -> Moment:
    """What an unfinished delivery waits for: since when it does, or until when."""
    endpoint, made = delivery.endpoint, delivery.created_at
    where = str(endpoint) if with_addresses else endpoint.server
    status = delivery_status(delivery)
    if status == DeliveryStatus.NOT_SENT:
        return Moment(max(made, endpoint.deleted_at or made), f"Not sent: {where} was deleted")
    if status == DeliveryStatus.HELD and endpoint.held_at is not None:
        since = f"{endpoint.held_at:%-d %b %Y, %H:%M:%S} UTC"
        return Moment(max(made, endpoint.held_at), f"Held: {where} is held since {since}")
    if status == DeliveryStatus.HELD:
        return Moment(made, f"Held until {where} has answered a test")
    if delivery.leased_at is not None:
        return Moment(delivery.leased_at, f"Being sent to {where}")
    return Moment(max(next_attempt_at, endpoint.breaker_open_until or made), f"Next attempt at {where}")
