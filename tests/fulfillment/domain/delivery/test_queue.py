"""Deliveries are taken by lease, in fair turns, and a crash loses none."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from fulfillment.domain.delivery import attempts, queue
from fulfillment.domain.delivery.queue import take_due
from fulfillment.models import Attempt, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.fulfillment.delivering import deliver_due, in_flight, make_delivery

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_what_is_leased_is_taken_by_nobody_else(endpoint, now):
    make_delivery(endpoint, now)

    assert len(take_due(limit=10, now=now)) == 1
    assert take_due(limit=10, now=now + SECOND) == []


def test_what_was_leased_by_a_clock_that_was_ahead_is_taken_over_at_once(endpoint, receiver, now):
    in_flight(endpoint, now + 6 * HOUR, queue.IN_FLIGHT_PER_ENDPOINT)
    make_delivery(endpoint, now)

    taken = deliver_due(now)

    assert [attempt.status for attempt in taken] == [200]
    while deliver_due(now + 10 * SECOND):
        pass
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.DELIVERED}


def test_requests_in_flight_to_one_endpoint_are_limited(endpoint, now):
    for _ in range(12):
        make_delivery(endpoint, now)

    first = take_due(limit=100, now=now)
    assert len(first) == queue.IN_FLIGHT_PER_ENDPOINT == 8
    assert take_due(limit=100, now=now) == []

    attempts.attempt(first[0], now=now)
    assert len(take_due(limit=100, now=now)) == 1


def test_what_is_due_for_longest_goes_first(endpoint, now):
    _, oldest, older = (
        make_delivery(endpoint, now, next_attempt_at=now - minutes * MINUTE) for minutes in (1, 3, 2)
    )

    assert [lease.delivery for lease in take_due(limit=2, now=now)] == [oldest, older]


def test_endpoints_have_fair_turns(endpoint, receiver, rival_studio, now):
    for _ in range(20):
        make_delivery(endpoint, now - timedelta(hours=1))
    rival = factories.WebhookEndpointFactory(organization=rival_studio, url=receiver.url)
    make_delivery(rival, now)

    taken = take_due(limit=2, now=now)

    assert {lease.endpoint for lease in taken} == {endpoint, rival}


def test_turns_that_one_endpoint_does_not_use_go_to_another(endpoint, receiver, rival_studio, now):
    rival = factories.WebhookEndpointFactory(organization=rival_studio, url=receiver.url)
    make_delivery(rival, now)
    for _ in range(8):
        make_delivery(endpoint, now)

    assert len(take_due(limit=9, now=now)) + len(take_due(limit=9, now=now)) == 9


def test_no_studio_takes_more_than_a_quarter_of_a_worker_however_many_endpoints_it_has(
    endpoint, studio, receiver, rival_studio, now, settings
):
    settings.DELIVERY_THREADS = 40
    for slow in [endpoint, *factories.WebhookEndpointFactory.create_batch(4, organization=studio)]:
        for _ in range(10):
            make_delivery(slow, now)
    rival = factories.WebhookEndpointFactory(organization=rival_studio, url=receiver.url)
    for _ in range(5):
        make_delivery(rival, now)

    taken = [lease for _ in range(10) for lease in take_due(limit=40, now=now)]

    assert sum(lease.endpoint.organization_id == studio.pk for lease in taken) == 10
    assert sum(lease.endpoint == rival for lease in taken) == 5


def test_endpoints_that_have_no_room_use_up_nobodys_turn(endpoint, receiver, rival_studio, now):
    full = [endpoint, *factories.WebhookEndpointFactory.create_batch(3)]
    for each in full:
        in_flight(each, now, queue.IN_FLIGHT_PER_ENDPOINT)
        make_delivery(each, now)
    rival = factories.WebhookEndpointFactory(organization=rival_studio, url=receiver.url)
    for _ in range(2):
        make_delivery(rival, now)

    # Of five endpoints with work a turn of one would look at four.
    taken = [lease for _ in range(2) for lease in take_due(limit=1, now=now)]

    assert {lease.endpoint for lease in taken} == {rival}
    assert WebhookEndpoint.objects.count() == 5


def test_an_endpoint_that_is_not_verified_gets_no_claims(endpoint, receiver, now):
    WebhookEndpoint.objects.update(verified_at=None)
    make_delivery(endpoint, now)

    assert deliver_due(now + timedelta(days=1)) == []
    assert receiver.received == []


def test_a_crash_is_noted_by_whoever_takes_over(endpoint, receiver, now):
    delivery = make_delivery(endpoint, now)
    take_due(limit=10, now=now)  # and the process dies

    assert deliver_due(now + 19 * SECOND) == []
    deliver_due(now + 20 * SECOND)

    crashed, made = Attempt.objects.filter(delivery=delivery)
    assert (crashed.number, crashed.error_class, crashed.started_at) == (1, "crashed", now)
    assert (made.number, made.status) == (2, 200)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED


def test_crash_after_crash_waits_longer_each_time(endpoint, now):
    """Whatever kills the worker at this one delivery must not do so every few seconds."""
    delivery = make_delivery(endpoint, now)
    moment, taken = now, []
    while len(taken) < 5:
        if take_due(limit=10, now=moment):
            taken.append(moment)
        moment += SECOND

    pauses = [(after - before).total_seconds() for before, after in itertools.pairwise(taken)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 25 < 90 < pauses[2] < 480 <= pauses[3]
    delivery.refresh_from_db()
    assert delivery.failures == 4
