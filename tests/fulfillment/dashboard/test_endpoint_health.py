"""How an endpoint does: its newest attempts, the answers of its server, and what needs its owner."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from fulfillment.domain.delivery import endpoints
from fulfillment.models import Attempt, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.dashboard import press, words
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.fulfillment.receiver import Receiver


@pytest.fixture
def endpoint(studio: Organization, receiver: Receiver) -> WebhookEndpoint:
    return factories.WebhookEndpointFactory(organization=studio, url=receiver.url, verified_at=None)


def test_the_page_tells_what_was_given_up_and_what_nobody_acknowledged(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    url = f"/dashboard/webhooks/{endpoint.pk}/change/"
    endpoint.acknowledge_within_hours = 2
    endpoint.save()
    page = words(owner_client.get(url))
    assert "<dt>Needs you</dt><dd>0</dd>" in page
    assert "Not acknowledged in time</dt><dd>0" in page

    make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)
    old = now - timedelta(hours=3)
    make_delivery(endpoint, old, state="delivered", delivered_at=old, next_attempt_at=None)
    page = words(owner_client.get(url))
    assert "<dt>Needs you</dt><dd>1</dd>" in page
    assert ">1 failed</a>" in page
    assert "Not acknowledged in time</dt><dd>1" in page


def test_home_tells_of_an_endpoint_that_never_verified_and_counts_no_test_among_what_waits(
    owner: User,
    owner_client: Client,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    signing_key: Any,
    now: datetime,
) -> None:
    receiver.answers(500)
    endpoints.change_endpoint(endpoint=endpoint, url=receiver.url + "/new", actor=owner, now=now)
    assert "is not verified.</strong> Claims wait" in words(owner_client.get("/dashboard/"))

    deliver_due(now)
    page = words(owner_client.get("/dashboard/"))
    assert "is not verified and has been failing since" in page
    assert "<dt>On its way</dt><dd>0</dd>" in page


def test_the_page_lists_the_newest_attempts(
    owner_client: Client, endpoint: WebhookEndpoint, receiver: Receiver, signing_key: Any, now: datetime
) -> None:
    url = f"/dashboard/webhooks/{endpoint.pk}/change/"
    assert "Nothing was sent yet" in words(owner_client.get(url))
    press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/test/")
    receiver.answers(503)
    claim = make_delivery(endpoint, now)
    deliver_due(now + timedelta(seconds=7))

    page = words(owner_client.get(url))
    (newer, older) = (
        page.partition("Latest attempts</h2>")[2]
        .partition("<tbody>")[2]
        .partition("</tbody>")[0]
        .split("<tr>")[1:]
    )
    for text in (f"/dashboard/deliveries/{claim.pk}/change/", "12:00:07 UTC", ">Claim", ">503<", " ms<"):
        assert text in newer
    for text in ("12:00:00 UTC", ">Test", ">200<"):
        assert text in older


@pytest.mark.parametrize(("count", "told"), [(19, False), (20, True)])
def test_19_of_20_are_told_of_20_attempts_and_more(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime, count: int, told: bool
) -> None:
    delivery = make_delivery(endpoint, now)
    for number in range(1, count + 1):
        Attempt.objects.create(
            delivery=delivery,
            endpoint=endpoint,
            number=number,
            trigger="claim",
            started_at=now,
            duration_ms=3,
            status=200,
        )
    page = words(owner_client.get(f"/dashboard/webhooks/{endpoint.pk}/change/"))
    assert ("19 of 20 within" in page) is told


def test_the_page_draws_the_answers_of_a_day_and_of_a_week(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    url = f"/dashboard/webhooks/{endpoint.pk}/change/"
    assert "No claim was sent to this endpoint in this time." in words(owner_client.get(url))
    delivery = make_delivery(endpoint, now)
    for number, (ago, status) in enumerate(((1, 200), (1, 500), (50, 200)), start=1):
        Attempt.objects.create(
            delivery=delivery,
            endpoint=endpoint,
            number=number,
            trigger="claim",
            started_at=now - timedelta(hours=ago),
            duration_ms=ago * 12,
            status=status,
        )

    def charts_of(**query: str) -> str:
        return words(owner_client.get(url, query)).partition("Answers of your server")[2].partition("<h2>")[0]

    day, week = charts_of(hours="24"), charts_of(hours="168")
    assert day == charts_of() == charts_of(hours="x")
    row = '<tr><th scope="row">20 Nov, 11:00</th><td class="num">1</td><td class="num">1</td></tr>'
    assert row in day
    assert row in week
    assert "2 attempts, not counting tests. 50 % arrived." in day
    assert "3 attempts, not counting tests. 66.6 % arrived." in week
    assert '18 Nov, 10:00</th><td class="num">600 ms' in week
    assert "18 Nov" not in day
    assert day.count('role="img"') == week.count('role="img"') == 3


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_with_more_attempts(
    owner_client: Client,
    endpoint: WebhookEndpoint,
    now: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    WebhookEndpoint.objects.update(verified_at=now)
    for _ in range(count):
        make_delivery(endpoint, now)
    deliver_due(now)
    with django_assert_num_queries(11):
        owner_client.get(f"/dashboard/webhooks/{endpoint.pk}/change/")


def test_the_page_fetches_its_health_again_while_something_is_on_its_way(
    owner_client: Client, endpoint: WebhookEndpoint, receiver: Receiver, signing_key: Any, now: datetime
) -> None:
    page = f"/dashboard/webhooks/{endpoint.pk}/change/"
    fetched_again = f'hx-get="{page}" hx-trigger="load delay:%ss"'
    assert "hx-get" not in words(owner_client.get(page))

    delivery = make_delivery(endpoint, now)
    assert "hx-get" not in words(owner_client.get(page))  # it waits for the verification
    WebhookEndpoint.objects.update(verified_at=now)
    assert fetched_again % 5 in words(owner_client.get(page))
    Delivery.objects.update(next_attempt_at=now + timedelta(minutes=2))
    assert fetched_again % 121 in words(owner_client.get(page))

    answer = owner_client.get(page, headers={"HX-Request": "true"})
    assert fetched_again % 121 in words(answer)
    assert "<html" not in words(answer)
    deliver_due(now + timedelta(minutes=2))
    answer = owner_client.get(page, headers={"HX-Request": "true"})
    assert "hx-get" not in words(answer)
    assert f"/dashboard/deliveries/{delivery.pk}/change/" in words(answer)
