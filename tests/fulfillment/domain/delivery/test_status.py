"""One table says where a delivery, a claim and an endpoint stand: a row and a query read it alike."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from django.db.models import Q

from accounts.models import Organization, new_ulid
from fulfillment.domain.delivery import status
from fulfillment.domain.delivery.queue import take_due
from fulfillment.domain.delivery.status import (
    DELIVERY_FILTERS,
    DELIVERY_RULES,
    LISTED_CLAIMS,
    STEP_OF,
    DeliveryStatus,
    EndpointStatus,
    Step,
    claim_status,
    claims_in,
    delivery_status,
    endpoint_rules,
    endpoint_status,
    holds,
    next_attempt_at,
)
from fulfillment.domain.delivery.words import ENDPOINTS, FOR_OWNERS, FOR_VIEWERS
from fulfillment.models import Claim, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.fulfillment.delivering import make_claim, make_delivery

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
PENDING, DELIVERED, FAILED = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED


@pytest.fixture
def endpoints(studio: Organization, now: datetime) -> dict[str, WebhookEndpoint]:
    held = {"held_at": now, "held_reason": "owner"}
    conditions: dict[str, dict[str, Any]] = {
        "working": {},
        "held": held,
        "unverified": {"verified_at": None},
        "held and unverified": {"verified_at": None, **held},
        "deleted": {"deleted_at": now},
    }
    return {
        name: factories.WebhookEndpointFactory(organization=studio, **fields)
        for name, fields in conditions.items()
    }


def deliver_to(
    endpoint: WebhookEndpoint, now: datetime, state: DeliveryState, claim: Claim | None, **fields: Any
) -> Delivery:
    values: dict[str, Any] = {
        "endpoint": endpoint,
        "claim": claim,
        "event_type": "drops.claim.created" if claim else "drops.test",
        "body": b"{}",
        "state": state,
        "next_attempt_at": now if state == PENDING else None,
        "delivered_at": now if state == DELIVERED else None,
        "created_at": now,
    }
    return Delivery.objects.create(**(values | fields))


@pytest.mark.parametrize(
    ("condition", "state", "of_claim", "of_test"),
    [
        ("working", PENDING, DeliveryStatus.WAITING, DeliveryStatus.WAITING),
        ("working", FAILED, DeliveryStatus.FAILED, DeliveryStatus.FAILED_TEST),
        ("working", DELIVERED, DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED),
        ("held", PENDING, DeliveryStatus.HELD, DeliveryStatus.HELD),
        ("held", FAILED, DeliveryStatus.FAILED, DeliveryStatus.FAILED_TEST),
        ("held", DELIVERED, DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED),
        ("unverified", PENDING, DeliveryStatus.HELD, DeliveryStatus.WAITING),
        ("unverified", FAILED, DeliveryStatus.FAILED, DeliveryStatus.FAILED_TEST),
        ("held and unverified", PENDING, DeliveryStatus.HELD, DeliveryStatus.HELD),
        ("deleted", PENDING, DeliveryStatus.NOT_SENT, DeliveryStatus.NOT_SENT),
        ("deleted", FAILED, DeliveryStatus.NOT_SENT, DeliveryStatus.FAILED_TEST),
        ("deleted", DELIVERED, DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED),
    ],
)
def test_the_status_of_a_delivery(
    endpoints: Mapping[str, WebhookEndpoint],
    studio: Organization,
    now: datetime,
    condition: str,
    state: DeliveryState,
    of_claim: DeliveryStatus,
    of_test: DeliveryStatus,
) -> None:
    for claim, expected in ((make_claim(studio, now), of_claim), (None, of_test)):
        assert delivery_status(deliver_to(endpoints[condition], now, state, claim)) == expected


def some_moment(choice: random.Random, now: datetime) -> datetime | None:
    """At a border of a rule, about half of the time."""
    borders = [timedelta(), status.PAUSE_AHEAD, status.LEASE_AHEAD]
    near = choice.choice(borders) + choice.choice([-1, 0, 0, 1]) * timedelta(microseconds=1)
    return choice.choice([None, now + near, now + timedelta(seconds=choice.randint(-900, 900))])


def random_endpoint(choice: random.Random, studio: Organization, now: datetime) -> WebhookEndpoint:
    held_at = some_moment(choice, now)
    return factories.WebhookEndpointFactory(
        organization=studio,
        verified_at=some_moment(choice, now),
        held_at=held_at,
        held_reason="owner" if held_at else "",
        deleted_at=choice.choice([None, None, some_moment(choice, now)]),
        failing_since=some_moment(choice, now),
        breaker_open_until=some_moment(choice, now),
    )


def random_delivery(
    choice: random.Random, endpoint: WebhookEndpoint, claim: Claim | None, now: datetime
) -> Delivery:
    state = choice.choice(list(DeliveryState))
    leased = state == PENDING and choice.random() < 0.4
    return deliver_to(
        endpoint,
        now,
        state,
        claim,
        next_attempt_at=(some_moment(choice, now) or now) if state == PENDING else None,
        delivered_at=now if state == DELIVERED else some_moment(choice, now),
        lease_token=new_ulid() if leased else None,
        leased_at=now if leased else None,
    )


def assert_read_alike(rules: Mapping[str, Q], rows: Sequence[Any]) -> None:
    assert rows
    model = type(rows[0])
    for name, rule in rules.items():
        found = set(model.objects.filter(rule).values_list("pk", flat=True))
        assert {row.pk for row in rows if holds(rule, row)} == found, name


@pytest.mark.parametrize("seed", range(5))
def test_a_row_and_a_query_read_each_rule_alike(studio: Organization, now: datetime, seed: int) -> None:
    choice = random.Random(seed)
    endpoints = [random_endpoint(choice, studio, now) for _ in range(40)]
    claims = [make_claim(studio, now) for _ in range(20)]
    deliveries = [
        random_delivery(choice, endpoint, claim, now)
        for claim in [*claims, None, None, None, None, None]
        for endpoint in choice.sample(endpoints, 4)
    ]
    of_endpoints = {
        "takes claims": status.TAKES_CLAIMS,
        "takes tests": status.TAKES_TESTS,
        "unwell": status.UNWELL,
        "breaker set": status.BREAKER_SET,
        "not paused": ~status.paused(now),
    }
    of_deliveries = {
        "planned": status.PLANNED,
        "due": status.due(now),
        "in flight": status.in_flight(now),
        "crashed": status.crashed(now),
    }
    assert_read_alike(of_endpoints | {each.value: rule for each, rule in endpoint_rules(now)}, endpoints)
    of_deliveries |= {each.value: rule for each, rule in (DELIVERY_RULES | DELIVERY_FILTERS).items()}
    assert_read_alike(of_deliveries, deliveries)
    for delivery in deliveries:
        assert sum(holds(rule, delivery) for rule in DELIVERY_RULES.values()) == 1
        steps = [step for step in Step if holds(DELIVERY_FILTERS[step], delivery)]
        assert steps == [STEP_OF[each] for each in [delivery_status(delivery)] if each in STEP_OF]
    for claim in claims:
        expected = claim_status(claim.deliveries.select_related("endpoint"))
        asked = [each for each in LISTED_CLAIMS if claims_in(Claim.objects.filter(pk=claim.pk), each)]
        assert asked == [expected] * (expected in LISTED_CLAIMS)
        steps = [step for step in Step if claims_in(Claim.objects.filter(pk=claim.pk), step)]
        assert steps == [STEP_OF[expected]] * (expected in STEP_OF)


def test_a_claim_and_the_filter_say_the_same(
    endpoints: Mapping[str, WebhookEndpoint], studio: Organization, now: datetime
) -> None:
    one_each = [(endpoint, state) for endpoint in endpoints.values() for state in DeliveryState]
    claim = make_claim(studio, now)
    one = Claim.objects.filter(pk=claim.pk)
    for ways in [*combinations(one_each, 0), *combinations(one_each, 1), *combinations(one_each, 2)]:
        if len({endpoint for endpoint, _ in ways}) < len(ways):
            continue
        Delivery.objects.all().delete()
        expected = claim_status([deliver_to(endpoint, now, state, claim) for endpoint, state in ways])
        assert [each for each in LISTED_CLAIMS if claims_in(one, each)] == [expected] * (
            expected in LISTED_CLAIMS
        )


def test_a_claim_that_is_sent_again_stays_delivered(endpoint: WebhookEndpoint, now: datetime) -> None:
    delivery = make_delivery(endpoint, now, delivered_at=now - MINUTE)

    assert delivery_status(delivery) == DeliveryStatus.WAITING
    assert claim_status([delivery]) == DeliveryStatus.DELIVERED
    assert list(claims_in(Claim.objects.all(), DeliveryStatus.DELIVERED)) == [delivery.claim]
    assert not claims_in(Claim.objects.all(), DeliveryStatus.WAITING)


def test_an_attempt_is_planned_where_there_will_be_one(
    endpoints: Mapping[str, WebhookEndpoint], now: datetime
) -> None:
    planned = {
        name: next_attempt_at(make_delivery(endpoint, now + MINUTE)) for name, endpoint in endpoints.items()
    }

    assert planned == dict.fromkeys(endpoints) | {"working": now + MINUTE}
    test_event = deliver_to(endpoints["unverified"], now, PENDING, None)
    assert next_attempt_at(test_event) == now


def test_no_attempt_is_planned_before_the_breaker_closes(endpoint: WebhookEndpoint, now: datetime) -> None:
    endpoint.breaker_open_until = now + MINUTE
    assert next_attempt_at(make_delivery(endpoint, now)) == now + MINUTE
    assert next_attempt_at(make_delivery(endpoint, now + 2 * MINUTE)) == now + 2 * MINUTE


def test_the_end_of_a_lease_is_no_attempt(endpoint: WebhookEndpoint, now: datetime) -> None:
    make_delivery(endpoint, now)
    (lease,) = take_due(limit=1, now=now)
    delivery = Delivery.objects.get(pk=lease.delivery.pk)

    assert delivery_status(delivery) == DeliveryStatus.WAITING
    assert next_attempt_at(delivery) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, EndpointStatus.WORKING),
        ({"failing_since": -MINUTE}, EndpointStatus.FAILING),
        ({"failing_since": -MINUTE, "breaker_open_until": MINUTE}, EndpointStatus.PAUSED),
        ({"breaker_open_until": timedelta(hours=1)}, EndpointStatus.WORKING),  # of a clock that was ahead
        ({"verified_at": None, "failing_since": -MINUTE}, EndpointStatus.UNVERIFIED),
        ({"verified_at": None, "held_at": -MINUTE}, EndpointStatus.HELD),
        ({"held_at": -MINUTE, "deleted_at": -MINUTE}, EndpointStatus.DELETED),
    ],
)
def test_the_status_of_an_endpoint(now: datetime, fields: dict[str, Any], expected: EndpointStatus) -> None:
    endpoint = factories.WebhookEndpointFactory.build(organization=None)
    for name, value in fields.items():
        setattr(endpoint, name, value if value is None else now + value)
    assert endpoint_status(endpoint, now) == expected


def test_there_are_words_for_every_status() -> None:
    assert set(FOR_OWNERS) == set(DeliveryStatus)
    assert set(FOR_VIEWERS) == set(DeliveryStatus) - {DeliveryStatus.FAILED_TEST}  # viewers see no tests
    assert set(ENDPOINTS) == set(EndpointStatus)


def test_the_path_has_three_words_and_they_are_the_viewers_where_both_mean_the_same() -> None:
    on_the_path = {str(words.label) for status, words in FOR_OWNERS.items() if status in STEP_OF}
    assert on_the_path == {"On its way", "Delivered", "Needs you"}
    off_it = set(FOR_OWNERS) - set(STEP_OF)
    assert off_it == {DeliveryStatus.FAILED_TEST, DeliveryStatus.NOT_SENT}
    assert not {str(FOR_OWNERS[status].label) for status in off_it} & on_the_path
    for each in (DeliveryStatus.WAITING, DeliveryStatus.DELIVERED):
        assert FOR_OWNERS[each].label is FOR_VIEWERS[each].label
