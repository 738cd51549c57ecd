"""An endpoint's health, the story of a claim, and what a studio did not acknowledge."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest

from fulfillment.domain.health import claim_timeline, endpoint_health
from fulfillment.domain.reconciliation import unacknowledged, unacknowledged_csv
from fulfillment.models import Attempt, ClaimStatusChange, Delivery, DeliveryState
from tests.fulfillment.delivering import deliver_due, make_delivery

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_the_health_of_an_endpoint_nothing_was_sent_to(endpoint, now):
    health = endpoint_health(endpoint=endpoint, now=now)

    assert (health.condition, health.attempts, health.success_rate, health.p50_ms) == ("well", 0, None, None)
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
    make_delivery(endpoint, now, state=DeliveryState.HELD, next_attempt_at=None)

    health = endpoint_health(endpoint=endpoint, now=now)

    assert (health.attempts, health.success_rate, health.p50_ms, health.p95_ms) == (20, 0.75, 100, 190)
    assert (health.waiting, health.stuck, health.in_flight) == (2, 1, 0)
    assert (health.oldest_waiting_at, health.next_attempt_at) == (now - MINUTE, now + MINUTE)


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({}, "well"),
        ({"verified_at": None}, "unverified"),
        ({"failing_since": MINUTE}, "failing"),
        ({"failing_since": MINUTE, "breaker_open_until": -MINUTE}, "paused"),
        ({"failing_since": MINUTE, "breaker_open_until": MINUTE}, "failing"),
        ({"failing_since": MINUTE, "held_at": MINUTE, "held_reason": "failing"}, "held"),
    ],
)
def test_the_condition_in_one_word(endpoint, now, fields, condition):
    for name, value in fields.items():
        setattr(endpoint, name, now - value if isinstance(value, timedelta) else value)
    endpoint.save()

    assert endpoint_health(endpoint=endpoint, now=now).condition == condition


@pytest.mark.parametrize("waiting", [1, 3])
def test_health_takes_three_queries(endpoint, now, django_assert_num_queries, waiting):
    for _ in range(waiting):
        make_delivery(endpoint, now)

    with django_assert_num_queries(3):
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
        ({"held_at": MINUTE, "held_reason": "owner"}, "is held since 20 Nov 2026, 11:59:00 UTC"),
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

    (row,) = csv.DictReader(unacknowledged_csv(organization=studio, now=late))

    assert (row["claim_id"], row["external_id"]) == (delivered.claim_id, "'=cmd()")
    assert row["delivered_at"] == delivered.delivered_at.isoformat()
    assert len(list(unacknowledged_csv(organization=rival_studio, now=late))) == 1
