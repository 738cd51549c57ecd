"""The story of one claim: what happened to it, and what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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


def claim_timeline(*, claim: Claim) -> list[Moment]:
    """What happened to `claim`, oldest first: claimed, every attempt, every status the studio set, and what is
    planned next. Three queries."""
    moments = [Moment(claim.created_at, "Claimed")]
    deliveries = {
        delivery.pk: delivery for delivery in Delivery.objects.filter(claim=claim).select_related("endpoint")
    }
    for attempt in Attempt.objects.filter(delivery__in=deliveries).order_by("started_at", "pk"):
        attempt.delivery = deliveries[attempt.delivery_id]
        moments.append(Moment(attempt.started_at, _attempt_words(attempt), attempt=attempt))
    moments += [
        Moment(change.at, f"The studio set its status to “{change.new}”", change=change)
        for change in claim.status_changes.all()
    ]
    moments.sort(key=lambda moment: moment.at)
    return moments + [
        _plan(delivery, delivery.next_attempt_at)
        for delivery in deliveries.values()
        if delivery.next_attempt_at is not None
    ]


def _attempt_words(attempt: Attempt) -> str:
    if attempt.succeeded:
        return f"Delivered to {attempt.url}"
    return f"Attempt {attempt.number} at {attempt.url} failed: {attempt.error or attempt.error_class}"


def _plan(delivery: Delivery, next_attempt_at: datetime) -> Moment:
    """What an unfinished delivery waits for: since when it does, or until when."""
    where, made = delivery.endpoint, delivery.created_at
    status = delivery_status(delivery)
    if status == DeliveryStatus.NOT_SENT:
        return Moment(max(made, where.deleted_at or made), f"Not sent: {where} was deleted")
    if status == DeliveryStatus.HELD and where.held_at is not None:
        since = f"{where.held_at:%-d %b %Y, %H:%M:%S} UTC"
        return Moment(max(made, where.held_at), f"Held: {where} is held since {since}")
    if status == DeliveryStatus.HELD:
        return Moment(made, f"Held until {where} has answered a test")
    if delivery.leased_at is not None:
        return Moment(delivery.leased_at, f"Being sent to {where}")
    return Moment(max(next_attempt_at, where.breaker_open_until or made), f"Next attempt at {where}")
