"""The queue of deliveries: rows that are due, taken under a lease, in fair turns among endpoints.

The row is the record and the queue. An attempt is made by whoever holds the row's lease: the process
that committed the claim, then workers (`take_due`). A lease is a token and an end. An outcome is
written only under its token, so that a process that comes back from the dead cannot overwrite what
happened since. Locks are taken in one order: endpoint, then delivery.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.models import new_ulid
from config import sql
from config.rounding import ceil_div
from config.rows import insert
from fulfillment.domain import counts
from fulfillment.domain.delivery import breaker, status
from fulfillment.domain.delivery.calling import call_workers
from fulfillment.domain.delivery.messages import CLAIM_CREATED, claim_body
from fulfillment.domain.delivery.schedule import what_follows
from fulfillment.models import (
    Attempt,
    Claim,
    Delivery,
    ErrorClass,
    Trigger,
    WebhookEndpoint,
)

# Seconds for the whole exchange: in a viewer's request, and in a worker.
REQUEST_DEADLINE = 3.0
WORKER_DEADLINE = 10.0
# How long past its deadline an attempt may take to be written down before it counts as crashed.
LEASE_MARGIN = timedelta(seconds=10)


# Requests on their way to one endpoint at a time, over all processes.
IN_FLIGHT_PER_ENDPOINT = 8
# Deliveries of an endpoint in one turn, if many endpoints have work. Each endpoint in a turn costs a query.
TURN = 4


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to make one attempt. `delivery` is as it was when the lease was taken."""

    delivery: Delivery
    endpoint: WebhookEndpoint
    token: str


def create_for_claim(
    *, claim: Claim, now: datetime, lease: bool, only: Collection[str] | None = None
) -> list[Lease]:
    """Write the claim's deliveries, one per endpoint that asks for claims, in the claim's own transaction.

    With `lease`, those that can be attempted at once are leased to the caller from `now` on, who attempts
    them after the commit. The others wait for a worker, or for their endpoint's verification or release. `only`: no
    endpoints but these.
    """
    body = claim_body(claim)
    endpoints = _endpoints_of(claim.organization_id)
    if only is not None:
        endpoints = [endpoint for endpoint in endpoints if endpoint.pk in only]
    ready = [
        endpoint
        for endpoint in endpoints
        if status.holds(status.TAKES_CLAIMS & ~status.BREAKER_SET, endpoint)
    ]
    in_flight = _in_flight(ready, now) if lease else {}
    created, leased = [], []
    for endpoint in endpoints:
        delivery = Delivery(
            endpoint=endpoint,
            claim=claim,
            event_type=CLAIM_CREATED,
            body=body,
            trigger=Trigger.CLAIM if claim.rehearsal_id is None else Trigger.REHEARSAL,
            next_attempt_at=claim.created_at,
            created_at=claim.created_at,
        )
        if lease and endpoint in ready and in_flight.get(endpoint.pk, 0) < IN_FLIGHT_PER_ENDPOINT:
            leased.append(_lease(delivery, endpoint, now, REQUEST_DEADLINE))
        created.append(delivery)
    insert(created)
    if len(leased) < len(ready):
        transaction.on_commit(call_workers, robust=True)
    return leased


# In the order of the model's fields.
_READ = (
    "id",
    "organization_id",
    "url",
    "verified_at",
    "held_at",
    "failing_since",
    "breaker_open_until",
    "deleted_at",
)
_ENDPOINTS_OF = f"""
    SELECT {", ".join(_READ)} FROM fulfillment_webhookendpoint
    WHERE organization_id = %s AND deleted_at IS NULL AND takes_claims
"""  # noqa: S608 - names of ours


def _endpoints_of(organization_id: str) -> list[WebhookEndpoint]:
    """The endpoints that a claim of the organization has deliveries for. Fields outside _READ load on access."""
    return [
        WebhookEndpoint.from_db(
            connection.alias,
            _READ,
            (sql.to_ulid(pk), organization_id, url, *map(sql.to_moment, moments)),
        )
        for pk, _, url, *moments in sql.fetch(_ENDPOINTS_OF, [sql.ulid(organization_id)])
    ]


def create_leased(delivery: Delivery, *, now: datetime, deadline: float) -> Lease:
    """Save a new delivery, leased to the caller, who attempts it after the commit."""
    lease = _lease(delivery, delivery.endpoint, now, deadline)
    delivery.save(force_insert=True)
    return lease


def _lease(delivery: Delivery, endpoint: WebhookEndpoint, now: datetime, deadline: float) -> Lease:
    """Set a lease on `delivery`, unsaved."""
    delivery.lease_token = new_ulid()
    delivery.leased_at = now
    delivery.next_attempt_at = now + timedelta(seconds=deadline) + LEASE_MARGIN
    delivery.attempt_count += 1
    return Lease(delivery, endpoint, delivery.lease_token)


def _in_flight(endpoints: Sequence[WebhookEndpoint], now: datetime) -> dict[str, int]:
    """How many requests are on their way to each endpoint; those with none are left out."""
    if not endpoints:
        return {}
    places = ", ".join(["%s"] * len(endpoints))
    statement = f"""
        SELECT endpoint_id, COUNT(*) FROM fulfillment_delivery
        WHERE endpoint_id IN ({places}) AND lease_token IS NOT NULL
            AND next_attempt_at > %s AND next_attempt_at <= %s
        GROUP BY endpoint_id
    """  # noqa: S608 - nothing of it is anybody's input
    ids = [sql.ulid(endpoint.pk) for endpoint in endpoints]
    rows = sql.fetch(statement, [*ids, sql.moment(now), sql.moment(now + status.LEASE_AHEAD)])
    return {sql.to_ulid(endpoint_id): count for endpoint_id, count in rows}


def due(now: datetime) -> QuerySet[Delivery]:
    """Deliveries whose time has come, whatever their endpoint says. A leased one among them crashed."""
    return Delivery.objects.filter(status.due(now))


class Load:
    """Requests on their way, over all processes, by endpoint and by organization."""

    def __init__(self, now: datetime) -> None:
        self.endpoints: Counter[str] = Counter()
        self.organizations: Counter[str] = Counter()
        leased = Delivery.objects.filter(status.in_flight(now))
        by_endpoint = leased.values_list("endpoint", "endpoint__organization").annotate(Count("pk"))
        for endpoint, organization, count in by_endpoint.order_by():
            self.endpoints[endpoint] += count
            self.organizations[organization] += count

    @staticmethod
    def most_of_an_organization() -> int:
        """A quarter of a worker's threads: all slow endpoints of a studio together delay no other studio."""
        return max(IN_FLIGHT_PER_ENDPOINT, settings.DELIVERY_THREADS // 4)

    def room(self, endpoint: WebhookEndpoint) -> int:
        return min(
            IN_FLIGHT_PER_ENDPOINT - self.endpoints[endpoint.pk],
            self.most_of_an_organization() - self.organizations[endpoint.organization_id],
        )

    def add(self, endpoint: WebhookEndpoint, count: int) -> None:
        self.endpoints[endpoint.pk] += count
        self.organizations[endpoint.organization_id] += count

    def full(self) -> Q:
        """Endpoints that no more requests go to."""
        endpoints = [pk for pk, count in self.endpoints.items() if count >= IN_FLIGHT_PER_ENDPOINT]
        most = self.most_of_an_organization()
        organizations = [pk for pk, count in self.organizations.items() if count >= most]
        return Q(pk__in=endpoints) | Q(organization__in=organizations)


@transaction.atomic
def take_due(*, limit: int, now: datetime) -> list[Lease]:
    """Lease up to `limit` deliveries that are due, in fair turns among their endpoints.

    An endpoint that is not verified gets only tests.
    """
    _note_crashes(limit, now)
    endpoints = _lock_endpoints_with_work(limit, now)
    if not endpoints:
        return []
    # Counted after the lock, because the locking query may have seen the state before it.
    load = Load(now)
    found: list[Delivery] = []
    for position, endpoint in enumerate(endpoints):
        turns = ceil_div(limit - len(found), len(endpoints) - position)
        if endpoint.breaker_open_until is not None:
            turns = min(turns, 1)
        taken = _due_at(endpoint, min(turns, load.room(endpoint)), now)
        load.add(endpoint, len(taken))
        found += taken
    return _lease_all(found, now)


def _lock_endpoints_with_work(limit: int, now: datetime) -> list[WebhookEndpoint]:
    """Lock endpoints with due deliveries, in random order, so that chance decides if there are too few turns.

    Without the lock, two workers would both see room for the same request. A worker skips endpoints that
    another worker has locked. The lock is NO KEY, because claims that are being committed hold a share lock
    on the row's key.
    """
    due_there = due(now).filter(endpoint=OuterRef("pk"), lease_token=None)
    return list(
        WebhookEndpoint.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(
            Q(Exists(due_there), verified_at__isnull=False) | Q(Exists(due_there.filter(status.OF_TEST))),
            status.TAKES_TESTS,
            ~status.paused(now),
        )
        .exclude(Load(now).full())
        .order_by("?")[: max(TURN, ceil_div(limit, TURN))]
    )


def _due_at(endpoint: WebhookEndpoint, limit: int, now: datetime) -> list[Delivery]:
    if limit <= 0:
        return []
    waiting = due(now).select_for_update(skip_locked=True).filter(endpoint=endpoint, lease_token=None)
    if endpoint.verified_at is None:
        waiting = waiting.filter(status.OF_TEST)
    waiting = waiting.order_by("next_attempt_at")
    if endpoint.breaker_open_until is None:
        found = list(waiting[:limit])
    else:
        # While two keys are published, a delivery that failed before is signed with the other key.
        found = list(waiting.filter(failures__gt=0)[:1]) or list(waiting[:1])
        if found:
            breaker.begin_probe(endpoint, now, timedelta(seconds=WORKER_DEADLINE) + LEASE_MARGIN)
    for delivery in found:
        delivery.endpoint = endpoint
    return found


def _lease_all(found: list[Delivery], now: datetime) -> list[Lease]:
    token = new_ulid()
    end = now + timedelta(seconds=WORKER_DEADLINE) + LEASE_MARGIN
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in found]).update(
        lease_token=token, leased_at=now, next_attempt_at=end, attempt_count=F("attempt_count") + 1
    )
    for delivery in found:
        delivery.attempt_count += 1
    return [Lease(delivery, delivery.endpoint, token) for delivery in found]


def _note_crashes(limit: int, now: datetime) -> None:
    """An expired lease counts as a failed attempt, so a delivery that crashes its worker is retried with the
    usual back-off. The pause counts from the attempt's beginning, so after the first crash it is already over."""
    leased = Delivery.objects.filter(status.crashed(now))
    locked = leased.select_for_update(skip_locked=True, of=("self",)).select_related("endpoint")
    for delivery in locked[:limit]:
        attempt = _crashed(delivery, now)
        insert([attempt])
        counts.note_attempt(attempt)
        follows = what_follows(delivery, attempt)
        Delivery.objects.filter(pk=delivery.pk).update(lease_token=None, leased_at=None, **follows)


def _crashed(delivery: Delivery, now: datetime) -> Attempt:
    """The attempt whose lease ended without an outcome."""
    assert delivery.leased_at is not None  # noqa: S101 - constraint delivery_lease_whole
    return Attempt(
        delivery=delivery,
        endpoint=delivery.endpoint,
        url=delivery.endpoint.address,
        number=delivery.attempt_count,
        trigger=delivery.trigger,
        started_at=min(delivery.leased_at, now),
        error_class=ErrorClass.CRASHED,
        error=str(ErrorClass.CRASHED.label),
    )


def give_back(lease: Lease, *, now: datetime) -> None:
    Delivery.objects.filter(pk=lease.delivery.pk, lease_token=lease.token).update(
        lease_token=None, leased_at=None, next_attempt_at=now, attempt_count=F("attempt_count") - 1
    )
    transaction.on_commit(call_workers, robust=True)
