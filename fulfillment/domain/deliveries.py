"""Deliveries: messages on their way to studios' servers.

The row is the record and the queue. An attempt is made by whoever holds the row's lease: the process
that committed the claim, then workers (`take_due`). A lease is a token and an end; its outcome is
written only under that token, so that a process that comes back from the dead cannot overwrite what
happened since. Locks are taken in one order: endpoint, then delivery.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import orjson
import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.domain import audit
from accounts.models import new_ulid, ulid_parameter, ulid_text
from config.rows import columns, insert, select
from fulfillment.domain import breaker, notices, outbound, signing
from fulfillment.domain.outbound import Answer
from fulfillment.models import (
    Attempt,
    Claim,
    Delivery,
    DeliveryState,
    ErrorClass,
    SigningKey,
    Trigger,
    WebhookEndpoint,
)

CLAIM_CREATED = "drops.claim.created"

# When a failed attempt is followed by the next, each give or take a fifth; the last one repeats.
SCHEDULE = [
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
]
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=24)
# A delivery that fails this long, as an endpoint that does, is held until an owner sends it again.
HOLD_AFTER = breaker.HOLD_AFTER

# Seconds for the whole exchange: in a viewer's request, and in a worker.
REQUEST_DEADLINE = 3.0
WORKER_DEADLINE = 10.0
# How long past its deadline an attempt may take to be written down before it counts as crashed.
LEASE_MARGIN = timedelta(seconds=10)

# Requests on their way to one endpoint at a time, over all processes.
IN_FLIGHT_PER_ENDPOINT = 8
# No lease is this long. One that seems to be was taken by a clock that was ahead, and is over.
CLOCK_AHEAD = timedelta(minutes=1)
# Deliveries that an endpoint has in one turn, where many have work: every endpoint looked at costs a query.
TURN = 4

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to make one attempt. `delivery` is as it was when the lease was taken."""

    delivery: Delivery
    endpoint: WebhookEndpoint
    token: str


class Outcome(NamedTuple):
    lease: Lease
    made: Attempt


def claim_body(claim: Claim) -> bytes:
    """The contract's JSON: compact, `external_id` left out where there is none."""
    content: dict[str, str | int] = {
        "claim_id": claim.id,
        "user_id": claim.viewer_id,
        "campaign_id": claim.campaign_id,
        "reward_id": claim.reward_id,
    }
    if claim.external_id:
        content["external_id"] = claim.external_id
    return orjson.dumps(content)


# Taking


def create_for_claim(*, claim: Claim, now: datetime, lease: bool) -> list[Lease]:
    """Write the claim's deliveries, one per endpoint, in the claim's own transaction.

    With `lease`, those that can be attempted at once are leased to the caller from `now` on, who attempts
    them after the commit. The others wait for a worker, or for their endpoint's verification or release.
    """
    body = claim_body(claim)
    endpoints = _endpoints_of(claim.organization_id)
    ready = [
        endpoint
        for endpoint in endpoints
        if lease and endpoint.accepts_claims and endpoint.breaker_open_until is None
    ]
    in_flight = _in_flight(ready, now)
    created, leased = [], []
    for endpoint in endpoints:
        delivery = Delivery(
            endpoint=endpoint,
            claim=claim,
            event_type=CLAIM_CREATED,
            body=body,
            trigger=Trigger.CLAIM,
            next_attempt_at=claim.created_at,
            created_at=claim.created_at,
        )
        if endpoint in ready and in_flight.get(endpoint.pk, 0) < IN_FLIGHT_PER_ENDPOINT:
            leased.append(_lease(delivery, endpoint, now, REQUEST_DEADLINE))
        created.append(delivery)
    insert(created)
    return leased


def _endpoints_of(organization_id: str) -> list[WebhookEndpoint]:
    """Those that a claim of the organization has deliveries for."""
    statement = f"""
        SELECT {columns(WebhookEndpoint)} FROM fulfillment_webhookendpoint
        WHERE organization_id = %s AND deleted_at IS NULL
    """  # noqa: S608 - names of ours
    return select(WebhookEndpoint, statement, [ulid_parameter(organization_id)])


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
    ids = [ulid_parameter(endpoint.pk) for endpoint in endpoints]
    parameters = [*ids, _moment(now), _moment(now + CLOCK_AHEAD)]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {ulid_text(endpoint_id): count for endpoint_id, count in cursor.fetchall()}


def _moment(now: datetime) -> Any:
    """A time as a statement that is written out takes it."""
    return connection.ops.adapt_datetimefield_value(now)


def due(now: datetime) -> QuerySet[Delivery]:
    """Deliveries whose time has come, whatever their endpoint says. A leased one among them crashed."""
    return Delivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=now)


class Load:
    """Requests on their way, over all processes, by endpoint and by organization."""

    def __init__(self, now: datetime) -> None:
        self.endpoints: Counter[str] = Counter()
        self.organizations: Counter[str] = Counter()
        leased = Delivery.objects.filter(
            lease_token__isnull=False, next_attempt_at__gt=now, next_attempt_at__lte=now + CLOCK_AHEAD
        )
        by_endpoint = leased.values_list("endpoint", "endpoint__organization").annotate(Count("pk"))
        for endpoint, organization, count in by_endpoint.order_by():
            self.endpoints[endpoint] += count
            self.organizations[organization] += count

    @staticmethod
    def most_of_an_organization() -> int:
        """A quarter of a worker: what is slow at one studio, at all of its endpoints, waits for that studio."""
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

    Of an endpoint that is not verified, tests alone.
    """
    _note_crashes(limit, now)
    endpoints = _lock_endpoints_with_work(limit, now)
    if not endpoints:
        return []
    # Asked after the lock: the locking query itself may have seen things as they were before it.
    load = Load(now)
    found: list[Delivery] = []
    for position, endpoint in enumerate(endpoints):
        turns = -(-(limit - len(found)) // (len(endpoints) - position))
        if endpoint.breaker_open_until is not None:
            turns = min(turns, 1)
        taken = _due_at(endpoint, min(turns, load.room(endpoint)), now)
        load.add(endpoint, len(taken))
        found += taken
    return _lease_all(found, now)


def _lock_endpoints_with_work(limit: int, now: datetime) -> list[WebhookEndpoint]:
    """In random order: who comes first, where there are more endpoints than turns, is left to chance.

    Two workers would both see room for a request: the lock lets one of them look at an endpoint at a
    time, and the other goes on without it. NO KEY, because claims being committed hold a share of
    the row's key.
    """
    due_there = due(now).filter(endpoint=OuterRef("pk"), lease_token=None)
    return list(
        WebhookEndpoint.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(
            Q(Exists(due_there), verified_at__isnull=False) | Q(Exists(due_there.filter(claim=None))),
            breaker.lets_through(now),
            held_at=None,
            deleted_at=None,
        )
        .exclude(Load(now).full())
        .order_by("?")[: max(TURN, -(-limit // TURN))]
    )


def _due_at(endpoint: WebhookEndpoint, limit: int, now: datetime) -> list[Delivery]:
    if limit <= 0:
        return []
    waiting = due(now).select_for_update(skip_locked=True).filter(endpoint=endpoint, lease_token=None)
    if endpoint.verified_at is None:
        waiting = waiting.filter(claim=None)
    waiting = waiting.order_by("next_attempt_at")
    if endpoint.breaker_open_until is None:
        found = list(waiting[:limit])
    else:
        # One that was refused before is signed with the other key, while two are published.
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
    """A lease that ran out without an outcome is a failure like others: what kills whoever makes the attempt
    must not be tried for ever without a pause. The pause counts from the attempt's beginning: after the first
    crash it is over by now."""
    over = Q(next_attempt_at__lte=now) | Q(next_attempt_at__gt=now + CLOCK_AHEAD)
    leased = Delivery.objects.filter(over, state=DeliveryState.PENDING, lease_token__isnull=False)
    locked = leased.select_for_update(skip_locked=True, of=("self",)).select_related("endpoint")
    for delivery in locked[:limit]:
        made = _crashed(delivery, now)
        insert([made])
        follows = _what_follows(delivery, made)
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
        error=ErrorClass.CRASHED.label,
    )


# Attempting


def attempt_leased(leases: Iterable[Lease], *, now: datetime) -> None:
    """The first attempts of a claim, inside its request: one deadline for all of them together.

    What there is no time for is given back to the workers.
    """
    started = time.monotonic()
    for lease in leases:
        passed = time.monotonic() - started
        if passed >= REQUEST_DEADLINE / 2:
            _give_back(lease, now=now + timedelta(seconds=passed))
            continue
        try:
            attempt(lease, now=now + timedelta(seconds=passed), deadline=REQUEST_DEADLINE - passed)
        except DatabaseError:
            raise
        except Exception:  # an error of ours: its lease runs out, and the other endpoints have their turn
            logger.exception("attempt_not_finished", delivery=lease.delivery.pk)


def _give_back(lease: Lease, *, now: datetime) -> None:
    Delivery.objects.filter(pk=lease.delivery.pk, lease_token=lease.token).update(
        lease_token=None, leased_at=None, next_attempt_at=now, attempt_count=F("attempt_count") - 1
    )


def attempt(lease: Lease, *, now: datetime, deadline: float = WORKER_DEADLINE) -> Attempt:
    """Make the one attempt that `lease` allows, and write down what came of it. Not to be called in a transaction."""
    made = send(lease, keys=signing.keys_for_signing(now), now=now, deadline=deadline)
    write_outcomes([Outcome(lease, made)])
    return made


def send(
    lease: Lease, *, keys: Sequence[SigningKey], now: datetime, deadline: float = WORKER_DEADLINE
) -> Attempt:
    """Make the request. The attempt is not saved; the database is not asked."""
    delivery = lease.delivery
    headers: dict[str, str] = {}
    try:
        headers = request_headers(delivery, keys, now)
    except (signing.NoSigningKey, OSError, ImproperlyConfigured):
        logger.exception("not_signed", delivery=delivery.pk)
        answer = Answer(error_class=ErrorClass.SIGNING, error="There is no signing key: ask the operators.")
    else:
        body = bytes(delivery.body)
        answer = outbound.post(url=lease.endpoint.url, headers=headers, body=body, timeout=deadline)
    return Attempt(
        delivery=delivery,
        endpoint=lease.endpoint,
        url=lease.endpoint.address,
        number=delivery.attempt_count,
        trigger=delivery.trigger,
        started_at=now,
        duration_ms=answer.duration_ms,
        status=answer.status,
        error_class=answer.error_class,
        error=answer.error[:300],
        request_headers=headers,
        response_headers=answer.headers,
        response_body=answer.body,
    )


def request_headers(delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> dict[str, str]:
    """The contract's headers for the attempt under way. Raises signing.NoSigningKey."""
    signature = signing.sign(
        keys=keys,
        message_id=delivery.id,
        body=bytes(delivery.body),
        attempt=delivery.attempt_count,
        now=now,
    )
    return {
        "Content-Type": "application/json",
        "User-Agent": "Drops-Webhooks/1",
        "Kick-Event-Message-ID": delivery.id,
        "Kick-Event-Subscription-Id": delivery.endpoint_id,
        "Kick-Event-Signature": signature.value,
        "Kick-Event-Timestamp": signature.timestamp,
        "Kick-Event-Message-Timestamp": signature.timestamp,
        "Kick-Event-Type": delivery.event_type,
        "Kick-Event-Version": "1",
        "Drops-Key-Id": signature.key_id,
    }


# What came of it


@transaction.atomic
def write_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Write attempts down, and what follows from them for their deliveries and endpoints."""
    endpoints = _lock_endpoints_that_change(outcomes)
    in_time = [outcome for outcome in outcomes if _end_lease(outcome)]
    insert(outcome.made for outcome in in_time)
    for outcome in outcomes:
        if outcome not in in_time:
            _correct_crashed(outcome.made)
        if outcome.lease.delivery.claim_id is None:
            _note_test(outcome)
        elif outcome.made.endpoint_id in endpoints:
            _note_at_endpoint(endpoints[outcome.made.endpoint_id], outcome)


def _lock_endpoints_that_change(outcomes: Sequence[Outcome]) -> dict[str, WebhookEndpoint]:
    """Those that an attempt failed at, and those that were unwell when it was leased: a success at a well
    one changes nothing, and asks nothing.

    A test, and a failure of our own, say nothing of how an endpoint treats claims.
    """
    changing = {
        lease.endpoint.pk
        for lease, made in outcomes
        if lease.delivery.claim_id is not None
        and made.error_class != ErrorClass.SIGNING
        and (lease.endpoint.is_unwell or not made.succeeded)
    }
    if not changing:
        return {}
    # In one order, so that two workers with the same endpoints do not wait for each other.
    locked = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk__in=changing).order_by("pk")
    return {endpoint.pk: endpoint for endpoint in locked}


def _note_at_endpoint(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    made = outcome.made
    if outcome.lease.endpoint.url != endpoint.url:
        return  # what the URL of before still answered says nothing of the one that the endpoint has now
    if made.succeeded:
        breaker.note_success(endpoint, made.ended_at)
    elif made.error_class != ErrorClass.SIGNING:
        keys = len(signing.keys_for_signing(made.started_at))
        breaker.note_failure(endpoint, made, pause=_retry_after(made), keys=keys)


def _note_test(outcome: Outcome) -> None:
    """A test that arrived verifies the URL that it was sent to, which may have been changed meanwhile.

    Until then claims wait: an endpoint that a worker asks in vain is failing, and its owners are told.
    """
    endpoint, made = outcome.lease.endpoint, outcome.made
    tested = WebhookEndpoint.objects.filter(pk=endpoint.pk, url=endpoint.url, verified_at=None)
    if not made.succeeded:
        if made.trigger != Trigger.TEST and made.error_class != ErrorClass.SIGNING:
            tested.filter(failing_since=None).update(failing_since=made.started_at)
            # A URL that was changed meanwhile has a test of its own.
            goes_on = Delivery.objects.filter(pk=made.delivery_id, state=DeliveryState.PENDING)
            superseded = goes_on.exclude(endpoint__url=endpoint.url)
            superseded.update(state=DeliveryState.HELD, next_attempt_at=None)
    elif tested.update(verified_at=made.ended_at, failing_since=None):
        notices.note_recovery(endpoint=endpoint, now=made.ended_at)
        audit.record(
            action="endpoint.verified",
            target=endpoint,
            now=made.ended_at,
            actor=None,
            organization=endpoint.organization,
            data={"url": str(endpoint)},
        )


_DELIVERED = f"""
    UPDATE fulfillment_delivery
    SET state = '{DeliveryState.DELIVERED}', delivered_at = COALESCE(delivered_at, %s), next_attempt_at = NULL,
        lease_token = NULL, leased_at = NULL
    WHERE id = %s AND lease_token = %s
"""  # noqa: S608 - nothing of it is anybody's input


def _end_lease(outcome: Outcome) -> bool:
    """Set the delivery to what follows from the attempt; False if the lease has ended already."""
    made = outcome.made
    if made.succeeded:
        mine = [ulid_parameter(made.delivery_id), ulid_parameter(outcome.lease.token)]
        with connection.cursor() as cursor:
            cursor.execute(_DELIVERED, [_moment(made.ended_at), *mine])
            return bool(cursor.rowcount)
    leased = Delivery.objects.filter(pk=made.delivery_id, lease_token=outcome.lease.token)
    follows = _what_follows(outcome.lease.delivery, made)
    return bool(leased.update(lease_token=None, leased_at=None, **follows))


def _correct_crashed(made: Attempt) -> None:
    """The lease ran out, and somebody else went on. What they wrote stands; of this attempt they could
    only say that it crashed, and that is corrected."""
    logger.warning("late_delivery_outcome", delivery=made.delivery_id, attempt=made.number)
    Attempt.objects.filter(delivery=made.delivery_id, number=made.number).update(
        duration_ms=made.duration_ms,
        status=made.status,
        error_class=made.error_class,
        error=made.error,
        request_headers=made.request_headers,
        response_headers=made.response_headers,
        response_body=made.response_body,
    )


def _what_follows(delivery: Delivery, made: Attempt) -> dict[str, object]:
    """A failure: another attempt, or none until an owner asks for it. A verification goes on: claims wait
    for it. What arrived before, and was to be sent once more, stays what it was."""
    since = delivery.retrying_since or made.started_at
    too_old = delivery.claim_id is not None and made.ended_at - since >= HOLD_AFTER
    if made.trigger == Trigger.TEST or too_old:
        state = DeliveryState.DELIVERED if delivery.delivered_at else DeliveryState.HELD
        return {"state": state, "next_attempt_at": None}
    failures = delivery.failures + 1
    wait = SCHEDULE[min(failures, len(SCHEDULE)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return {
        "trigger": Trigger.RETRY,
        "failures": failures,
        "retrying_since": since,
        "next_attempt_at": made.ended_at + max(wait, min(_retry_after(made), LONGEST_RETRY_AFTER)),
    }


def _retry_after(made: Attempt) -> timedelta:
    """What the answer's Retry-After asks for: seconds or a date; nothing where it is neither."""
    headers = {name.lower(): value for name, value in made.response_headers.items()}
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return timedelta(seconds=min(int(asked[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        at = parsedate_to_datetime(asked)
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    if at.tzinfo is None:  # "-0000": UTC, of which nothing else is known
        at = at.replace(tzinfo=UTC)
    return max(at - made.ended_at, timedelta())
