"""Where a delivery or a claim stands, in one word: the same in every list, filter and count that owners read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, TextChoices

from fulfillment.models import Claim, Delivery, DeliveryState


class Standing(TextChoices):
    """WAITING is attempted by itself; HELD needs its endpoint to be released or verified, FAILED an owner who
    sends it again. NOT_SENT has no endpoint that it could go to: the claim is in the API."""

    DELIVERED = "delivered", "Delivered"
    WAITING = "waiting", "Waiting"
    HELD = "held", "Held"
    FAILED = "failed", "Failed"
    FAILED_TEST = "failed_test", "Failed tests"
    NOT_SENT = "not_sent", "Not sent"


# An endpoint that is not verified takes its tests alone.
_TAKEN = Q(endpoint__held_at=None) & (Q(endpoint__verified_at__isnull=False) | Q(claim=None))
_KEPT_BACK = Q(endpoint__held_at__isnull=False) | Q(endpoint__verified_at=None, claim__isnull=False)
_PENDING = Q(state=DeliveryState.PENDING, endpoint__deleted_at=None)
_GIVEN_UP = Q(state=DeliveryState.FAILED)


# The deliveries of each standing that can be asked for. Each goes by the index of its state. NOT_SENT is not
# among them: few of all the deliveries, or no row at all.
DELIVERIES: Mapping[Standing, Q] = {
    Standing.DELIVERED: Q(state=DeliveryState.DELIVERED),
    Standing.WAITING: _PENDING & _TAKEN,
    Standing.HELD: _PENDING & _KEPT_BACK,
    Standing.FAILED: _GIVEN_UP & Q(claim__isnull=False, endpoint__deleted_at=None),
    Standing.FAILED_TEST: _GIVEN_UP & Q(claim=None),
}
# The same for claims, the nearest to the game first.
OF_CLAIMS = (Standing.DELIVERED, Standing.WAITING, Standing.HELD, Standing.FAILED)


def standing_of(delivery: Delivery) -> Standing:
    """Of a delivery with its endpoint; no query."""
    endpoint = delivery.endpoint
    if delivery.state == DeliveryState.DELIVERED:
        return Standing.DELIVERED
    if delivery.state == DeliveryState.FAILED and delivery.claim_id is None:
        return Standing.FAILED_TEST
    if endpoint.deleted_at is not None:
        return Standing.NOT_SENT
    if delivery.state == DeliveryState.FAILED:
        return Standing.FAILED
    if endpoint.held_at is not None or (endpoint.verified_at is None and delivery.claim_id is not None):
        return Standing.HELD
    return Standing.WAITING


def next_attempt_at(delivery: Delivery) -> datetime | None:
    """When the delivery is due: where that is past, at a worker's next turn. None where no attempt is planned,
    or one is under way."""
    if standing_of(delivery) != Standing.WAITING or delivery.lease_token is not None:
        return None
    assert delivery.next_attempt_at is not None  # noqa: S101 - constraint delivery_pending_has_next_attempt
    return max(delivery.next_attempt_at, delivery.endpoint.breaker_open_until or delivery.next_attempt_at)


def claim_standing(deliveries: Iterable[Delivery]) -> Standing:
    """Of a claim by its deliveries, each with its endpoint: delivered once one endpoint has had it, also
    while it is sent again; else as the nearest of them."""
    deliveries = list(deliveries)
    if any(delivery.delivered_at is not None for delivery in deliveries):
        return Standing.DELIVERED
    found = {standing_of(delivery) for delivery in deliveries}
    return next((standing for standing in OF_CLAIMS if standing in found), Standing.NOT_SENT)


def claims_in(claims: QuerySet[Claim], standing: Standing) -> QuerySet[Claim]:
    """Those of `claims` that `claim_standing` says `standing` of, which is one of OF_CLAIMS."""
    own = Delivery.objects.filter(claim=OuterRef("pk"))
    arrived = Exists(own.filter(delivered_at__isnull=False))
    if standing == Standing.DELIVERED:
        return claims.filter(arrived)
    nearer = OF_CLAIMS[1 : OF_CLAIMS.index(standing)]
    return claims.filter(
        ~arrived,
        *(~Exists(own.filter(DELIVERIES[each])) for each in nearer),
        Exists(own.filter(DELIVERIES[standing])),
    )
