"""One word for where a delivery or a claim stands, whoever asks: a row, a filter, a count, the viewer."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest

from fulfillment.domain.claims import inventory
from fulfillment.domain.delivery.queue import take_due
from fulfillment.domain.delivery.standing import (
    DELIVERIES,
    OF_CLAIMS,
    Standing,
    claim_standing,
    claims_in,
    next_attempt_at,
    standing_of,
)
from fulfillment.models import Claim, Delivery, DeliveryState
from tests import factories
from tests.fulfillment.delivering import make_claim, make_delivery

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
PENDING, DELIVERED, GIVEN_UP = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED


@pytest.fixture
def endpoints(studio, now):
    held = {"held_at": now, "held_reason": "owner"}
    conditions = {
        "well": {},
        "held": held,
        "unverified": {"verified_at": None},
        "held and unverified": {"verified_at": None, **held},
        "deleted": {"deleted_at": now},
    }
    return {
        name: factories.WebhookEndpointFactory(organization=studio, **fields)
        for name, fields in conditions.items()
    }


def deliver_to(endpoint, now, state, claim):
    return Delivery.objects.create(
        endpoint=endpoint,
        claim=claim,
        event_type="drops.claim.created" if claim else "drops.test",
        body=b"{}",
        state=state,
        next_attempt_at=now if state == PENDING else None,
        delivered_at=now if state == DELIVERED else None,
        created_at=now,
    )


@pytest.mark.parametrize(
    ("condition", "state", "of_claim", "of_test"),
    [
        ("well", PENDING, Standing.WAITING, Standing.WAITING),
        ("well", GIVEN_UP, Standing.FAILED, Standing.FAILED_TEST),
        ("well", DELIVERED, Standing.DELIVERED, Standing.DELIVERED),
        ("held", PENDING, Standing.HELD, Standing.HELD),
        ("held", GIVEN_UP, Standing.FAILED, Standing.FAILED_TEST),
        ("held", DELIVERED, Standing.DELIVERED, Standing.DELIVERED),
        ("unverified", PENDING, Standing.HELD, Standing.WAITING),
        ("unverified", GIVEN_UP, Standing.FAILED, Standing.FAILED_TEST),
        ("held and unverified", PENDING, Standing.HELD, Standing.HELD),
        ("deleted", PENDING, Standing.NOT_SENT, Standing.NOT_SENT),
        ("deleted", GIVEN_UP, Standing.NOT_SENT, Standing.FAILED_TEST),
        ("deleted", DELIVERED, Standing.DELIVERED, Standing.DELIVERED),
    ],
)
def test_a_row_and_the_filter_say_the_same(endpoints, studio, now, condition, state, of_claim, of_test):
    for claim, standing in ((make_claim(studio, now), of_claim), (None, of_test)):
        delivery = deliver_to(endpoints[condition], now, state, claim)
        found = [each for each, asked in DELIVERIES.items() if Delivery.objects.filter(asked, pk=delivery.pk)]
        assert standing_of(delivery) == standing
        assert found == [standing] * (standing in DELIVERIES)


AS_VIEWERS_READ_IT = {
    Standing.DELIVERED: inventory.Arrival.DELIVERED,
    Standing.WAITING: inventory.Arrival.ON_ITS_WAY,
    Standing.HELD: inventory.Arrival.HELD_UP,
    Standing.FAILED: inventory.Arrival.HELD_UP,
    Standing.NOT_SENT: inventory.Arrival.TO_BE_FETCHED,
}


def test_a_claim_and_the_filter_and_its_viewer_say_the_same(endpoints, studio, now):
    one_each = [(endpoint, state) for endpoint in endpoints.values() for state in DeliveryState]
    claim = make_claim(studio, now)
    one = Claim.objects.filter(pk=claim.pk)
    for ways in [*combinations(one_each, 0), *combinations(one_each, 1), *combinations(one_each, 2)]:
        if len({endpoint for endpoint, _ in ways}) < len(ways):
            continue
        Delivery.objects.all().delete()
        deliveries = [deliver_to(endpoint, now, state, claim) for endpoint, state in ways]
        standing = claim_standing(deliveries)
        assert inventory.arrival(deliveries) is AS_VIEWERS_READ_IT[standing], ways
        assert [each for each in OF_CLAIMS if claims_in(one, each)] == [standing] * (standing in OF_CLAIMS)


def test_a_claim_that_is_sent_again_stays_delivered(endpoint, now):
    delivery = make_delivery(endpoint, now, delivered_at=now - MINUTE)

    assert standing_of(delivery) == Standing.WAITING
    assert claim_standing([delivery]) == Standing.DELIVERED
    assert list(claims_in(Claim.objects.all(), Standing.DELIVERED)) == [delivery.claim]
    assert not claims_in(Claim.objects.all(), Standing.WAITING)


def test_an_attempt_is_planned_where_there_will_be_one(endpoints, now):
    planned = {
        name: next_attempt_at(make_delivery(endpoint, now + MINUTE)) for name, endpoint in endpoints.items()
    }

    assert planned == dict.fromkeys(endpoints) | {"well": now + MINUTE}
    test_event = deliver_to(endpoints["unverified"], now, PENDING, None)
    assert next_attempt_at(test_event) == now


def test_no_attempt_is_planned_before_the_breaker_closes(endpoint, now):
    endpoint.breaker_open_until = now + MINUTE
    assert next_attempt_at(make_delivery(endpoint, now)) == now + MINUTE
    assert next_attempt_at(make_delivery(endpoint, now + 2 * MINUTE)) == now + 2 * MINUTE


def test_the_end_of_a_lease_is_no_attempt(endpoint, now):
    make_delivery(endpoint, now)
    (lease,) = take_due(limit=1, now=now)
    delivery = Delivery.objects.get(pk=lease.delivery.pk)

    assert standing_of(delivery) == Standing.WAITING
    assert next_attempt_at(delivery) is None
