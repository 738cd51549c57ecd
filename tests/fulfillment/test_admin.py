"""What operators find at /admin/ when a studio or a viewer asks where a claim is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User, new_ulid
from fulfillment.domain.delivery.endpoints import send_test_event
from fulfillment.models import Claim, Delivery
from tests import factories
from tests.dashboard import sign_in, words
from tests.fulfillment.delivering import deliver_due, make_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client, operator: User) -> Client:
    sign_in(client, operator)
    return client


@pytest.fixture
def failed(endpoint: Any, receiver: Any, now: Any) -> Delivery:
    receiver.answers(500)
    delivery: Delivery = make_delivery(endpoint, now)
    deliver_due(now)
    return delivery


def found(desk: Client, model: str, term: object) -> list[Any]:
    return list(desk.get(f"/admin/fulfillment/{model}/", {"q": term}).context["cl"].result_list)


def test_a_claim_is_found_by_its_id_or_its_viewer(desk: Client, failed: Delivery) -> None:
    claim = failed.claim
    assert claim is not None
    other = factories.ClaimFactory()
    assert set(found(desk, "claim", "")) == {claim, other}
    assert found(desk, "claim", claim.pk.lower()) == [claim]
    assert found(desk, "claim", claim.viewer_id) == [claim]
    assert found(desk, "claim", "pennant") == []


def test_its_page_leads_to_the_delivery_and_that_to_every_attempt(desk: Client, failed: Delivery) -> None:
    assert failed.claim is not None
    claim = desk.get(f"/admin/fulfillment/claim/{failed.claim.pk}/change/")
    address = f"/admin/fulfillment/delivery/{failed.pk}/change/"
    assert address in claim.content.decode()

    page = words(desk.get(address))

    assert "12:00:00 UTC" in page
    assert "500" in page
    assert failed.endpoint.address in page
    assert found(desk, "delivery", failed.claim.pk) == found(desk, "delivery", failed.pk) == [failed]


def test_what_is_no_id_finds_no_delivery_not_even_tests(
    desk: Client, endpoint: Any, owner: User, now: Any
) -> None:
    send_test_event(endpoint=endpoint, actor=owner, now=now)
    assert len(found(desk, "delivery", "")) == 1
    assert found(desk, "delivery", "pennant") == []


def test_nothing_of_it_can_be_changed(desk: Client, failed: Delivery) -> None:
    for address in (
        f"claim/{failed.claim_id}",
        f"delivery/{failed.pk}",
        f"webhookendpoint/{failed.endpoint_id}",
    ):
        assert desk.post(f"/admin/fulfillment/{address}/change/", {"state": "delivered"}).status_code == 403
    assert desk.get("/admin/fulfillment/claim/add/").status_code == 403


def test_what_a_studio_keeps_in_the_query_of_its_url_is_its_own(desk: Client, endpoint: Any) -> None:
    endpoint.url += "?key=s3cret"
    endpoint.save()
    for page in ("", f"{endpoint.pk}/change/"):
        answer = desk.get(f"/admin/fulfillment/webhookendpoint/{page}")
        assert endpoint.address in answer.content.decode()
        assert b"s3cret" not in answer.content
    assert found(desk, "webhookendpoint", "s3cret") == []


@pytest.mark.parametrize("model", ["claim", "delivery"])
def test_a_longer_list_costs_no_more(
    desk: Client, endpoint: Any, now: Any, model: str, django_assert_num_queries: Any
) -> None:
    make_delivery(endpoint, now)
    for _ in range(2):
        with django_assert_num_queries(5):  # session, operator, factors, number of rows, rows
            desk.get(f"/admin/fulfillment/{model}/")
        make_delivery(endpoint, now)
        make_delivery(endpoint, now)
    assert Claim.objects.count() == 5


def test_deliveries_are_listed_by_what_is_due(desk: Client, endpoint: Any, now: Any) -> None:
    later = make_delivery(endpoint, now + timedelta(hours=1))
    due = make_delivery(endpoint, now - timedelta(minutes=1))
    crashed, under_way = make_delivery(endpoint, now), make_delivery(endpoint, now)
    for delivery, seconds in ((crashed, -5), (under_way, 5)):
        Delivery.objects.filter(pk=delivery.pk).update(
            lease_token=new_ulid(), leased_at=now, next_attempt_at=now + timedelta(seconds=seconds)
        )

    def listed(which: str) -> set[Delivery]:
        with time_machine.travel(now, tick=False):
            page = desk.get("/admin/fulfillment/delivery/", {"due": which})
        return set(page.context["cl"].result_list)

    assert listed("now") == {due, crashed}
    assert listed("in_flight") == {under_way}
    assert listed("crashed") == {crashed}
    assert listed("nothing") == {later, due, crashed, under_way}
