"""An endpoint's health, the story of a claim, and what a studio did not acknowledge."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest

from fulfillment.domain.claims.reconciliation import unacknowledged, unacknowledged_csv
from fulfillment.domain.claims.story import claim_timeline
from fulfillment.domain.delivery.endpoints import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    send_test_event,
)
from fulfillment.domain.delivery.health import endpoint_health, recent_attempts
from fulfillment.domain.delivery.queue import take_due
from fulfillment.models import Attempt, ClaimStatusChange, Delivery, DeliveryState
from tests.fulfillment.delivering import deliver_due, make_delivery

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_the_health_of_an_endpoint_nothing_was_sent_to(endpoint, now):
    health = endpoint_health(endpoint=endpoint, now=now)

    assert (health.status, health.attempts, health.success_rate, health.p50_ms) == ("working", 0, None, None)
    assert (health.waiting, health.oldest_waiting_at, health.next_attempt_at) == (0, None, None)


def test_rates_times_and_what_waits(endpoint, receiver, now):
    for number in range(20):
        delivery = make_delivery(
            endpoint, now, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=now
        )
        Attempt.objects.create(
            delivery=delivery,
            endpoint=endpoint,
            number=1,
            trigger="claim",
            started_at=now - MINUTE,
            duration_ms=number * 10,
            status=200 if number < 15 else 500,
        )
    make_delivery(endpoint, now - MINUTE, next_attempt_at=now + MINUTE)
    make_delivery(endpoint, now, next_attempt_at=now + 2 * MINUTE)
    make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)

    health = endpoint_health(endpoint=endpoint, now=now)

    assert (health.attempts, health.success_rate, health.p50_ms, health.p95_ms) == (20, 0.75, 100, 190)
    assert (health.waiting, health.failed, health.in_flight) == (2, 1, 0)
    assert (health.oldest_waiting_at, health.next_attempt_at) == (now - MINUTE, now + MINUTE)


def test_tests_that_fail_leave_the_rate_and_the_times_of_claims_alone(endpoint, receiver, owner, now):
    make_delivery(endpoint, now)
    deliver_due(now)
    receiver.answers(500)
    send_test_event(endpoint=endpoint, actor=owner, now=now)
    change_endpoint(endpoint=endpoint, url=receiver.url + "/moved", actor=owner, now=now)
    deliver_due(now)
    deliver_due(now + MINUTE)

    health = endpoint_health(endpoint=endpoint, now=now + MINUTE)
    assert (health.attempts, health.success_rate) == (1, 1)
    assert health.p95_ms == Attempt.objects.get(trigger="claim").duration_ms


def test_a_verification_that_is_tried_again_is_the_next_attempt(studio, receiver, owner, signing_key, now):
    receiver.answers(500)
    fresh = create_endpoint(organization=studio, url=receiver.url, actor=owner, now=now)
    make_delivery(fresh, now)  # waits for the verification
    deliver_due(now)

    health = endpoint_health(endpoint=fresh, now=now)
    assert health.next_attempt_at == fresh.deliveries.get(claim=None).next_attempt_at > now
    assert (health.waiting, health.in_flight) == (1, 0)

    take_due(limit=1, now=health.next_attempt_at)
    health = endpoint_health(endpoint=fresh, now=health.next_attempt_at)
    assert (health.next_attempt_at, health.in_flight) == (None, 1)


@pytest.mark.parametrize("holding", [{"held_reason": "owner", "held_at": MINUTE}, {"deleted_at": MINUTE}])
def test_nothing_is_planned_for_an_endpoint_that_nothing_is_sent_to(endpoint, now, holding):
    make_delivery(endpoint, now)
    for name, value in holding.items():
        setattr(endpoint, name, now - value if isinstance(value, timedelta) else value)
    endpoint.save()

    assert endpoint_health(endpoint=endpoint, now=now).next_attempt_at is None


@pytest.mark.parametrize("count", [1, 12])
def test_the_newest_attempts_are_read_with_one_query(
    endpoint, receiver, owner, now, django_assert_num_queries, count
):
    for number in range(count):
        make_delivery(endpoint, now + number * MINUTE)
        deliver_due(now + number * MINUTE)
    send_test_event(endpoint=endpoint, actor=owner, now=now + count * MINUTE)

    with django_assert_num_queries(1):
        shown = [
            (attempt.started_at, attempt.status, attempt.number, bool(attempt.delivery.claim_id))
            for attempt in recent_attempts(endpoint=endpoint)
        ]
    newest_first = [(now + number * MINUTE, 200, 1, number < count) for number in range(count, -1, -1)]
    assert shown == newest_first[:10]


@pytest.mark.parametrize("waiting", [1, 3])
def test_health_takes_four_queries(endpoint, now, django_assert_num_queries, waiting):
    for _ in range(waiting):
        make_delivery(endpoint, now)

    with django_assert_num_queries(4):
        endpoint_health(endpoint=endpoint, now=now)


def test_the_story_of_a_claim(endpoint, receiver, owner, now, django_assert_num_queries):
    receiver.answers(500, 200)
    delivery = make_delivery(endpoint, now)
    deliver_due(now)

    with django_assert_num_queries(3):
        *story, planned = claim_timeline(claim=delivery.claim)
    assert [moment.what.partition(" at ")[0] for moment in story] == ["Claimed", "Attempt 1"]
    assert planned.what.startswith("Next attempt at")

    deliver_due(now + MINUTE)
    ClaimStatusChange.objects.create(
        claim=delivery.claim, at=now + 2 * MINUTE, old="initiated", new="granted"
    )

    story = claim_timeline(claim=delivery.claim)
    assert [moment.what.split()[0] for moment in story] == ["Claimed", "Attempt", "Delivered", "The"]
    assert story[1].attempt.status == 500
    assert story[3].change.new == "granted"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"held_at": MINUTE, "held_reason": "owner"}, "has been held since 20 Nov 2026, 11:59:00 UTC"),
        ({"verified_at": None}, "has answered a test"),
        ({"deleted_at": MINUTE}, "was deleted"),
    ],
)
def test_the_story_says_why_a_claim_waits(endpoint, now, fields, words):
    for name, value in fields.items():
        setattr(endpoint, name, now - value if isinstance(value, timedelta) else value)
    endpoint.save()

    planned = claim_timeline(claim=make_delivery(endpoint, now, next_attempt_at=now + MINUTE).claim)[-1]
    assert words in planned.what


def test_the_story_says_since_when_a_claim_waits_for_a_held_endpoint(endpoint, now):
    endpoint.held_at, endpoint.held_reason = now, "owner"
    endpoint.save()
    before, after = make_delivery(endpoint, now - MINUTE), make_delivery(endpoint, now + MINUTE)

    assert [claim_timeline(claim=waits.claim)[-1].at for waits in (before, after)] == [now, now + MINUTE]


def test_the_story_plans_nothing_at_an_endpoint_that_is_not_verified_nor_at_the_end_of_a_lease(endpoint, now):
    delivery = make_delivery(endpoint, now - MINUTE, next_attempt_at=now)
    take_due(limit=1, now=now)
    assert claim_timeline(claim=delivery.claim)[-1].at == now

    endpoint.verified_at = None
    endpoint.save()
    assert claim_timeline(claim=delivery.claim)[-1].at == now - MINUTE


def test_the_story_plans_nothing_while_the_endpoint_is_paused(endpoint, now):
    endpoint.failing_since, endpoint.breaker_open_until = now - MINUTE, now + MINUTE
    endpoint.save()
    due, later = make_delivery(endpoint, now), make_delivery(endpoint, now, next_attempt_at=now + 2 * MINUTE)

    at = [claim_timeline(claim=planned.claim)[-1].at for planned in (due, later)]
    assert at == [now + MINUTE, now + 2 * MINUTE]


@pytest.fixture
def delivered(endpoint, receiver, now):
    endpoint.acknowledge_within_hours = 2
    endpoint.save()
    delivery = make_delivery(endpoint, now)
    deliver_due(now)
    delivery.refresh_from_db()
    return delivery


def test_what_is_not_acknowledged_in_time(endpoint, delivered, now):
    late = now + timedelta(hours=2, seconds=10)

    assert list(unacknowledged(endpoint=endpoint, now=now + timedelta(hours=1))) == []
    assert list(unacknowledged(endpoint=endpoint, now=late)) == [delivered]

    Delivery.objects.update(state="pending", next_attempt_at=late)  # sent again
    assert list(unacknowledged(endpoint=endpoint, now=late)) == [delivered]

    delivered.claim.external_status = "granted"
    delivered.claim.save()
    assert list(unacknowledged(endpoint=endpoint, now=late)) == []


def test_without_a_time_nothing_is_reported(endpoint, delivered, now):
    endpoint.acknowledge_within_hours = None

    assert list(unacknowledged(endpoint=endpoint, now=now + timedelta(days=9))) == []


def test_the_csv(studio, endpoint, delivered, rival_studio, now):
    delivered.claim.external_id = "=cmd()"
    delivered.claim.save()
    late = now + timedelta(hours=3)

    file = "".join(unacknowledged_csv(organization=studio, now=late)).encode()
    (row,) = csv.DictReader(file.decode("utf-8-sig").splitlines())

    assert (row["claim_id"], row["external_id"]) == (delivered.claim_id, "'=cmd()")
    assert row["delivered_at"] == delivered.delivered_at.isoformat()
    assert len(list(unacknowledged_csv(organization=rival_studio, now=late))) == 1


def test_the_csv_leaves_out_endpoints_that_were_deleted(studio, owner, endpoint, delivered, now):
    late = now + timedelta(hours=3)
    assert len(list(unacknowledged_csv(organization=studio, now=late))) == 2

    delete_endpoint(endpoint=endpoint, actor=owner, now=late)

    assert len(list(unacknowledged_csv(organization=studio, now=late))) == 1
