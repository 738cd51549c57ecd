"""Attempts: make a request under a lease, and write down its outcome."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction

from accounts.domain import audit
from config import sql, tracing
from config.rows import insert
from drops.domain.watch import news
from fulfillment.domain import counts
from fulfillment.domain.claims.hours import count_arrivals
from fulfillment.domain.delivery import breaker, notices, signing
from fulfillment.domain.delivery.messages import request_headers
from fulfillment.domain.delivery.queue import REQUEST_DEADLINE, WORKER_DEADLINE, Lease, give_back
from fulfillment.domain.delivery.schedule import retry_after, what_follows
from fulfillment.domain.delivery.status import UNWELL, holds
from fulfillment.models import (
    Attempt,
    Delivery,
    DeliveryState,
    ErrorClass,
    LastAnswer,
    SigningKey,
    Trigger,
    WebhookEndpoint,
)
from fulfillment.outbound import client
from fulfillment.outbound.client import Answer

logger = structlog.get_logger(__name__)


class Outcome(NamedTuple):
    lease: Lease
    attempt: Attempt


def attempt_leased(leases: Iterable[Lease], *, now: datetime) -> None:
    """Make the first attempts of a claim, inside its request, with one deadline for all of them.

    Deliveries without enough time left are given back to the workers.
    """
    started = time.monotonic()
    for lease in leases:
        passed = time.monotonic() - started
        if passed >= REQUEST_DEADLINE / 2:
            give_back(lease, now=now + timedelta(seconds=passed))
            continue
        try:
            attempt(lease, now=now + timedelta(seconds=passed), deadline=REQUEST_DEADLINE - passed)
        except DatabaseError:
            raise
        except Exception:  # our own error: the lease runs out, and the other endpoints still have their turn
            logger.exception("attempt_not_finished", delivery=lease.delivery.pk)


def attempt(lease: Lease, *, now: datetime, deadline: float = WORKER_DEADLINE) -> Attempt:
    """Make the one attempt that `lease` allows, and write down its outcome. Not to be called in a transaction."""
    attempt = send(lease, keys=signing.keys_for_signing(now), now=now, deadline=deadline)
    write_outcomes([Outcome(lease, attempt)])
    return attempt


def send(
    lease: Lease, *, keys: Sequence[SigningKey], now: datetime, deadline: float = WORKER_DEADLINE
) -> Attempt:
    """Make the request and return the attempt, unsaved. No query."""
    delivery = lease.delivery
    began = time.time_ns()
    headers: dict[str, str] = {}
    try:
        headers = request_headers(delivery, keys, now)
    except (signing.NoSigningKey, OSError, ImproperlyConfigured):
        logger.exception("not_signed", delivery=delivery.pk)
        answer = Answer(error_class=ErrorClass.SIGNING, error="There is no signing key: ask the operators.")
    else:
        body = bytes(delivery.body)
        answer = client.post(
            url=lease.endpoint.url, headers=headers, body=body, timeout=deadline, pool_key=lease.endpoint.pk
        )
    if tracing.is_on():
        tracing.note(
            "webhook",
            trace=tracing.trace_of_ulid(delivery.claim_id or delivery.pk),
            began=began,
            ended=time.time_ns(),
            delivery=delivery.pk,
            attempt=delivery.attempt_count,
            trigger=str(delivery.trigger),
            server__address=lease.endpoint.server,
            http__response__status_code=answer.status,
            error__type=answer.error_class or None,
        )
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


@transaction.atomic
def write_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Write attempts down, and update their deliveries and endpoints."""
    endpoints = _lock_endpoints_that_change(outcomes)
    in_time = [outcome for outcome in outcomes if _end_lease(outcome)]
    insert(outcome.attempt for outcome in in_time)
    for outcome in in_time:
        counts.note_attempt(outcome.attempt)
        _tell_viewer(outcome)
    for outcome in outcomes:
        if outcome not in in_time:
            _correct_crashed(outcome.attempt)
        if outcome.lease.delivery.is_test:
            _note_test(outcome)
        elif outcome.attempt.endpoint_id in endpoints:
            _note_at_endpoint(endpoints[outcome.attempt.endpoint_id], outcome)
    count_arrivals(
        {
            claim_id: attempt.ended_at
            for lease, attempt in in_time
            if attempt.succeeded and (claim_id := lease.delivery.claim_id) is not None
        }
    )


def _tell_viewer(outcome: Outcome) -> None:
    """A viewer with an open page sees the claim arrive."""
    delivery = outcome.lease.delivery
    if not outcome.attempt.succeeded or delivery.claim_id is None or delivery.delivered_at is not None:
        return
    claim = orjson.loads(bytes(delivery.body))
    news.tell_viewer(
        viewer_id=claim["user_id"],
        kind="claim",
        data={
            "claim_id": claim["claim_id"],
            "campaign_id": claim["campaign_id"],
            "reward_id": claim["reward_id"],
            "status": "delivered",
        },
        organization_id=outcome.lease.endpoint.organization_id,
    )


def _lock_endpoints_that_change(outcomes: Sequence[Outcome]) -> dict[str, WebhookEndpoint]:
    """Lock the endpoints that these outcomes change: an attempt failed there, or the endpoint was unwell
    when the attempt was leased. Returns them by id.

    A success at a healthy endpoint changes nothing and needs no query. A test, or a failure of our own, says
    nothing about how an endpoint treats claims.
    """
    changing = {
        lease.endpoint.pk
        for lease, attempt in outcomes
        if not lease.delivery.is_test
        and attempt.error_class != ErrorClass.SIGNING
        and (holds(UNWELL, lease.endpoint) or not attempt.succeeded)
        and not _is_only_a_rehearsal(lease, attempt)
    }
    if not changing:
        return {}
    # In one order, so that two workers with the same endpoints do not wait for each other.
    locked = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk__in=changing).order_by("pk")
    return {endpoint.pk: endpoint for endpoint in locked}


def _is_only_a_rehearsal(lease: Lease, attempt: Attempt) -> bool:
    """A rehearsal that failed says nothing about the endpoint either, unless it was the probe after a pause."""
    is_probe = lease.endpoint.breaker_open_until is not None
    return attempt.trigger == Trigger.REHEARSAL and not attempt.succeeded and not is_probe


def _note_at_endpoint(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    attempt = outcome.attempt
    if outcome.lease.endpoint.url != endpoint.url:
        return  # the endpoint's URL changed while this request was in flight: ignore its outcome
    if attempt.succeeded:
        breaker.note_success(endpoint, attempt.ended_at)
    elif attempt.error_class != ErrorClass.SIGNING:
        keys = len(signing.keys_for_signing(attempt.started_at))
        breaker.note_failure(endpoint, attempt, pause=retry_after(attempt), keys=keys)


def _note_test(outcome: Outcome) -> None:
    """A test that arrived verifies the endpoint, if the endpoint still has the URL that the test was sent to.

    Until then claims wait. An endpoint that refuses a worker's test is failing, and its owners are told.
    """
    endpoint, attempt = outcome.lease.endpoint, outcome.attempt
    tested = WebhookEndpoint.objects.filter(pk=endpoint.pk, url=endpoint.url, verified_at=None)
    if not attempt.succeeded:
        if attempt.trigger != Trigger.TEST and attempt.error_class != ErrorClass.SIGNING:
            tested.filter(failing_since=None).update(failing_since=attempt.started_at)
            # If the URL was changed meanwhile, the new URL has a test of its own.
            goes_on = Delivery.objects.filter(pk=attempt.delivery_id, state=DeliveryState.PENDING)
            superseded = goes_on.exclude(endpoint__url=endpoint.url)
            superseded.update(state=DeliveryState.FAILED, next_attempt_at=None)
    elif tested.update(verified_at=attempt.ended_at, failing_since=None, released_at=None):
        notices.note_recovery(endpoint=endpoint, now=attempt.ended_at)
        audit.record("endpoint.verified", endpoint, by=None, at=attempt.ended_at, data={"url": str(endpoint)})


_DELIVERED = f"""
    UPDATE fulfillment_delivery
    SET state = '{DeliveryState.DELIVERED}', last_answer = '{LastAnswer.OK}',
        delivered_at = COALESCE(delivered_at, %s), next_attempt_at = NULL, lease_token = NULL, leased_at = NULL
    WHERE id = %s AND lease_token = %s
"""  # noqa: S608 - nothing of it is anybody's input


def _end_lease(outcome: Outcome) -> bool:
    """Update the delivery after the attempt. Returns False if the lease has already ended."""
    attempt = outcome.attempt
    if attempt.succeeded:
        mine = [sql.ulid(attempt.delivery_id), sql.ulid(outcome.lease.token)]
        return bool(sql.execute(_DELIVERED, [sql.moment(attempt.ended_at), *mine]))
    leased = Delivery.objects.filter(pk=attempt.delivery_id, lease_token=outcome.lease.token)
    follows = what_follows(outcome.lease.delivery, attempt)
    return bool(leased.update(lease_token=None, leased_at=None, **follows))


def _correct_crashed(attempt: Attempt) -> None:
    """The lease ran out before this outcome, and another process went on. Its result stands, but it recorded
    this attempt as crashed: write what really happened."""
    logger.warning("late_delivery_outcome", delivery=attempt.delivery_id, attempt=attempt.number)
    Delivery.objects.filter(pk=attempt.delivery_id, attempt_count=attempt.number).update(
        last_answer=LastAnswer.of(attempt.status, attempt.error_class)
    )
    Attempt.objects.filter(delivery=attempt.delivery_id, number=attempt.number).update(
        duration_ms=attempt.duration_ms,
        status=attempt.status,
        error_class=attempt.error_class,
        error=attempt.error,
        request_headers=attempt.request_headers,
        response_headers=attempt.response_headers,
        response_body=attempt.response_body,
    )
