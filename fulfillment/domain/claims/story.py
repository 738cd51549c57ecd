"""The story of one claim: what happened to it, and what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from config import zones
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
    planned next. Without addresses, endpoints are named by their hosts. Three queries."""
    moments = [Moment(claim.created_at, _("Claimed"))]
    deliveries = {
        delivery.pk: delivery for delivery in Delivery.objects.filter(claim=claim).select_related("endpoint")
    }
    for attempt in Attempt.objects.filter(delivery__in=deliveries).order_by("started_at", "pk"):
        attempt.delivery = deliveries[attempt.delivery_id]
        words = _attempt_words(attempt, with_addresses)
        moments.append(Moment(attempt.started_at, words, attempt=attempt))
    moments += [
        Moment(
            change.at, _("The studio set the status to “%(status)s”") % {"status": change.new}, change=change
        )
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
        return _("Delivered to %(url)s") % {"url": where}
    what = {"number": attempt.number, "url": where, "status": attempt.status}
    if attempt.status is not None:
        return _("Attempt %(number)d at %(url)s failed: the server answered %(status)d") % what
    return _("Attempt %(number)d at %(url)s failed: %(reason)s") % {
        **what,
        "reason": attempt.get_error_class_display(),
    }


def _plan(delivery: Delivery, next_attempt_at: datetime, with_addresses: bool) -> Moment:
    """What an unfinished delivery waits for: since when it does, or until when."""
    endpoint, made = delivery.endpoint, delivery.created_at
    where = str(endpoint) if with_addresses else endpoint.server
    status = delivery_status(delivery)
    if status == DeliveryStatus.NOT_SENT:
        told = _("Not sent: %(endpoint)s was deleted") % {"endpoint": where}
        return Moment(max(made, endpoint.deleted_at or made), told)
    if status == DeliveryStatus.HELD and endpoint.held_at is not None:
        since = zones.words(endpoint.held_at, "j M Y, H:i:s")
        told = _("Held: %(endpoint)s has been held since %(since)s") % {"endpoint": where, "since": since}
        return Moment(max(made, endpoint.held_at), told)
    if status == DeliveryStatus.HELD:
        return Moment(made, _("Held until %(endpoint)s has answered a test event") % {"endpoint": where})
    if delivery.leased_at is not None:
        return Moment(delivery.leased_at, _("Being sent to %(endpoint)s") % {"endpoint": where})
    at = max(next_attempt_at, endpoint.breaker_open_until or made)
    return Moment(at, _("Next attempt at %(endpoint)s") % {"endpoint": where})
