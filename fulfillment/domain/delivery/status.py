"""The status of deliveries, claims and endpoints: one table for rows, filters, counts and the queue alike.

Each rule is a Q. A query takes it as it is, and `holds` applies it to a row that is loaded, so the two cannot
disagree. `words` has the words that owners and viewers read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from fulfillment.models import Claim, Delivery, DeliveryState, Trigger, WebhookEndpoint


class EndpointStatus(StrEnum):
    DELETED = "deleted"
    HELD = "held"
    UNVERIFIED = "unverified"
    PAUSED = "paused"
    FAILING = "failing"
    WORKING = "working"


class DeliveryStatus(StrEnum):
    """WAITING is attempted automatically. HELD waits for its endpoint to be released or verified. FAILED waits
    for an owner to send it again. NOT_SENT has no endpoint to go to: the claim is in the API."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    HELD = "held"
    FAILED = "failed"
    FAILED_TEST = "failed_test"
    NOT_SENT = "not_sent"


class Step(StrEnum):
    """Where a delivery is on its path: the three words that everybody reads first. A failed test, and what has no
    endpoint any more, have left the path: nothing is on its way, and nothing waits for anybody."""

    ON_ITS_WAY = "on_its_way"
    DELIVERED = "delivered"
    NEEDS_YOU = "needs_you"


# A pause or a lease that ends later than this was written by a clock that was ahead. It counts as over.
LONGEST_PAUSE = timedelta(minutes=5)
PAUSE_AHEAD = LONGEST_PAUSE + timedelta(minutes=1)
LEASE_AHEAD = timedelta(minutes=1)

# Endpoints.
DELETED = Q(deleted_at__isnull=False)
HELD = Q(held_at__isnull=False)
UNVERIFIED = Q(verified_at__isnull=True)
FAILING = Q(failing_since__isnull=False)
# Set while the circuit breaker is open, and until the probe that follows has arrived.
BREAKER_SET = Q(breaker_open_until__isnull=False)
# The next success changes the endpoint's row.
UNWELL = FAILING | BREAKER_SET
TAKES_TESTS = ~DELETED & ~HELD
TAKES_CLAIMS = TAKES_TESTS & ~UNVERIFIED
# What it was set up to get; the rules above say whether it can.
ASKS_FOR_CLAIMS = Q(takes_claims=True)


def paused(now: datetime) -> Q:
    """Endpoints that no request may go to for a moment."""
    return Q(breaker_open_until__gt=now, breaker_open_until__lte=now + PAUSE_AHEAD)


def endpoint_rules(now: datetime) -> Sequence[tuple[EndpointStatus, Q]]:
    """The definition of the statuses of endpoints: the first rule that holds."""
    return (
        (EndpointStatus.DELETED, DELETED),
        (EndpointStatus.HELD, HELD),
        (EndpointStatus.UNVERIFIED, UNVERIFIED),
        (EndpointStatus.PAUSED, paused(now)),
        (EndpointStatus.FAILING, FAILING),
        (EndpointStatus.WORKING, Q()),
    )


def endpoint_status(endpoint: WebhookEndpoint, now: datetime) -> EndpointStatus:
    return next(status for status, rule in endpoint_rules(now) if holds(rule, endpoint))


def at_endpoint(rule: Q) -> Q:
    """A rule about endpoints, asked of a delivery's endpoint."""
    children: list[Any] = rule.children
    moved = [
        at_endpoint(child) if isinstance(child, Q) else (f"endpoint__{child[0]}", child[1])
        for child in children
    ]
    return Q(*moved, _connector=rule.connector, _negated=rule.negated)


# Deliveries.
OF_CLAIM = Q(claim_id__isnull=False)
OF_TEST = Q(claim_id__isnull=True, phase_change_id__isnull=True)
# Attempted once, to see what happens: nothing waits for it once it has failed.
OF_REHEARSAL = Q(trigger=Trigger.REHEARSAL)
PENDING = Q(state=DeliveryState.PENDING)
ARRIVED = Q(delivered_at__isnull=False)
LEASED = Q(lease_token__isnull=False)
_TAKEN = at_endpoint(TAKES_CLAIMS) | (OF_TEST & at_endpoint(TAKES_TESTS))

# The definition of the statuses of deliveries: exactly one rule holds. Each but NOT_SENT goes by the index of
# its state.
DELIVERY_RULES: Mapping[DeliveryStatus, Q] = {
    DeliveryStatus.DELIVERED: Q(state=DeliveryState.DELIVERED),
    DeliveryStatus.WAITING: PENDING & _TAKEN,
    DeliveryStatus.HELD: PENDING & at_endpoint(~DELETED) & ~_TAKEN,
    DeliveryStatus.FAILED: Q(state=DeliveryState.FAILED) & ~OF_TEST & ~OF_REHEARSAL & at_endpoint(~DELETED),
    DeliveryStatus.FAILED_TEST: Q(state=DeliveryState.FAILED) & (OF_TEST | OF_REHEARSAL),
    DeliveryStatus.NOT_SENT: (PENDING | Q(state=DeliveryState.FAILED) & ~OF_TEST & ~OF_REHEARSAL)
    & at_endpoint(DELETED),
}
# Few deliveries are NOT_SENT, and no index finds them, so no list can be filtered by it.
LISTED_DELIVERIES = tuple(status for status in DeliveryStatus if status != DeliveryStatus.NOT_SENT)
# The statuses of claims that can be asked for, the nearest to the game first.
LISTED_CLAIMS = (
    DeliveryStatus.DELIVERED,
    DeliveryStatus.WAITING,
    DeliveryStatus.HELD,
    DeliveryStatus.FAILED,
)
STEPS: Mapping[Step, tuple[DeliveryStatus, ...]] = {
    Step.ON_ITS_WAY: (DeliveryStatus.WAITING,),
    Step.DELIVERED: (DeliveryStatus.DELIVERED,),
    Step.NEEDS_YOU: (DeliveryStatus.HELD, DeliveryStatus.FAILED),
}
STEP_OF: Mapping[DeliveryStatus, Step] = {each: step for step, statuses in STEPS.items() for each in statuses}
# What lists of deliveries can be filtered by: a step, or one of its statuses.
DELIVERY_FILTERS: Mapping[Step | DeliveryStatus, Q] = {
    **{
        step: reduce(operator.or_, (DELIVERY_RULES[each] for each in statuses))
        for step, statuses in STEPS.items()
    },
    **{status: DELIVERY_RULES[status] for status in LISTED_DELIVERIES},
}
# An attempt will be made, and none is under way.
PLANNED = DELIVERY_RULES[DeliveryStatus.WAITING] & ~LEASED


def due(now: datetime) -> Q:
    """Deliveries whose time has come, whatever the status of their endpoint. If one is leased, it crashed."""
    return PENDING & Q(next_attempt_at__lte=now)


def in_flight(now: datetime) -> Q:
    """A request is on its way."""
    return LEASED & Q(next_attempt_at__gt=now, next_attempt_at__lte=now + LEASE_AHEAD)


def crashed(now: datetime) -> Q:
    """The lease ended without an outcome."""
    over = Q(next_attempt_at__lte=now) | Q(next_attempt_at__gt=now + LEASE_AHEAD)
    return PENDING & LEASED & over


def delivery_status(delivery: Delivery) -> DeliveryStatus:
    """The status of a delivery that is loaded with its endpoint. No query."""
    return next(status for status, rule in DELIVERY_RULES.items() if holds(rule, delivery))


def next_attempt_at(delivery: Delivery) -> datetime | None:
    """When the next attempt is due; a time in the past means a worker's next turn. None if no attempt is
    planned, or one is under way."""
    if not holds(PLANNED, delivery):
        return None
    assert delivery.next_attempt_at is not None  # noqa: S101 - constraint delivery_pending_has_next_attempt
    return max(delivery.next_attempt_at, delivery.endpoint.breaker_open_until or delivery.next_attempt_at)


def claim_status(deliveries: Iterable[Delivery]) -> DeliveryStatus:
    """The status of a claim, from its deliveries, each loaded with its endpoint. A claim is delivered once one
    endpoint has had it, even while it is sent again. Otherwise it has the status of the delivery that is nearest
    to the game (LISTED_CLAIMS)."""
    deliveries = list(deliveries)
    if any(holds(ARRIVED, delivery) for delivery in deliveries):
        return DeliveryStatus.DELIVERED
    found = {delivery_status(delivery) for delivery in deliveries}
    return next((status for status in LISTED_CLAIMS if status in found), DeliveryStatus.NOT_SENT)


def claims_in(claims: QuerySet[Claim], wanted: Step | DeliveryStatus) -> QuerySet[Claim]:
    """The claims whose `claim_status` is `wanted`, which must be one of LISTED_CLAIMS, or is of that step."""
    own = Delivery.objects.filter(claim=OuterRef("pk"))
    arrived = Exists(own.filter(ARRIVED))
    statuses = STEPS[wanted] if isinstance(wanted, Step) else (wanted,)
    if DeliveryStatus.DELIVERED in statuses:
        return claims.filter(arrived)
    nearer = LISTED_CLAIMS[1 : LISTED_CLAIMS.index(statuses[0])]
    return claims.filter(
        ~arrived,
        *(~Exists(own.filter(DELIVERY_RULES[each])) for each in nearer),
        Exists(own.filter(reduce(operator.or_, (DELIVERY_RULES[each] for each in statuses)))),
    )


_LOOKUPS: Mapping[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "isnull": lambda value, unset: (value is None) is unset,
    "gt": lambda value, bound: value is not None and value > bound,
    "lte": lambda value, bound: value is not None and value <= bound,
}


def holds(rule: Q, row: Model) -> bool:
    """Whether `rule` holds of `row`, as the database would say. The look-ups of this module are known, no others."""
    children: list[Any] = rule.children
    each = (holds(child, row) if isinstance(child, Q) else _meets(row, *child) for child in children)
    return (any(each) if rule.connector == Q.OR else all(each)) is not rule.negated


def _meets(row: Model, path: str, wanted: Any) -> bool:
    *names, last = path.split("__")
    if last not in _LOOKUPS:
        names, last = [*names, last], "exact"
    value: Any = row
    for name in names:
        value = getattr(value, name)
    return _LOOKUPS[last](value, wanted)
