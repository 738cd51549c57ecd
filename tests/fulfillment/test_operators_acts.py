"""Operators hold and release endpoints, and rotate signing keys: each asks first and keeps a reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from accounts.models import AuditEvent, User
from fulfillment.domain.delivery import endpoints, notices, signing
from fulfillment.models import DeliveryState, EndpointNotice, HoldReason, SigningKey, WebhookEndpoint
from tests.dashboard import press, sign_in, words
from tests.factories import NOW
from tests.fulfillment.delivering import make_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(operator: User) -> Client:
    return sign_in(Client(), operator)


def decide(desk: Client, address: str, reason: str = "They asked us to") -> Any:
    return desk.post(address, {"decided": "yes", "reason": reason}, follow=True)


def test_an_operators_hold_is_released_by_operators_alone(
    desk: Client, owner_client: Client, owner: User, operator: User, endpoint: WebhookEndpoint
) -> None:
    page = f"/admin/fulfillment/webhookendpoint/{endpoint.pk}/hold/"
    assert "Only operators can." in words(desk.get(page))
    assert "This field is required." in words(decide(desk, page, reason=""))
    decide(desk, page)
    endpoint.refresh_from_db()
    assert endpoint.held_reason == HoldReason.OPERATOR
    event = AuditEvent.objects.get(action="endpoint.held")
    assert (event.organization, event.actor) == (endpoint.organization, operator)
    assert event.data == {"reason": "operator", "explanation": "They asked us to"}
    with pytest.raises(ValidationError, match="The platform holds this endpoint"):
        endpoints.release_endpoint(endpoint=endpoint, actor=owner, now=NOW)
    shown = words(owner_client.get(f"/dashboard/webhooks/{endpoint.pk}/change/"))
    assert "Held by the platform" in shown
    assert f"/dashboard/webhooks/{endpoint.pk}/release/" not in shown
    press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/release/")
    endpoint.refresh_from_db()
    assert endpoint.held_at is not None

    delivery = make_delivery(endpoint, NOW)
    decide(desk, f"/admin/fulfillment/webhookendpoint/{endpoint.pk}/release/")
    endpoint.refresh_from_db()
    delivery.refresh_from_db()
    assert (endpoint.held_at, endpoint.held_reason) == (None, "")
    assert delivery.state == DeliveryState.PENDING
    assert AuditEvent.objects.get(action="endpoint.released").data["explanation"] == "They asked us to"


def test_an_operator_takes_over_an_owners_hold(
    owner: User, operator: User, endpoint: WebhookEndpoint
) -> None:
    endpoints.hold_endpoint(endpoint=endpoint, actor=owner, now=NOW)
    endpoints.hold_by_operator(endpoint=endpoint, reason="Abuse", actor=operator, now=NOW)
    endpoint.refresh_from_db()
    assert endpoint.held_reason == HoldReason.OPERATOR
    WebhookEndpoint.objects.update(failing_since=NOW)
    notices.write_notices(now=NOW)
    assert not EndpointNotice.objects.exists()


@pytest.mark.parametrize("act", [endpoints.hold_by_operator, endpoints.release_by_operator])
def test_members_cannot_act_as_operators(owner: User, endpoint: WebhookEndpoint, act: Any) -> None:
    with pytest.raises(PermissionDenied):
        act(endpoint=endpoint, reason="So", actor=owner, now=NOW)


def test_the_newest_key_is_rotated_from_its_page(desk: Client, operator: User, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    key = signing.create_signing_key(now=NOW - timedelta(days=40))
    address = f"/admin/fulfillment/signingkey/{key.pk}/rotate/"
    assert address in desk.get(f"/admin/fulfillment/signingkey/{key.pk}/change/").content.decode()
    asked = words(desk.get(address))
    assert "signs webhooks from 14:00 UTC on" in asked
    assert "Until 16:00 UTC" in asked
    decide(desk, address)
    new = SigningKey.objects.exclude(pk=key.pk).get()
    key.refresh_from_db()
    assert (new.active_from, key.retired_at) == (NOW + timedelta(hours=2), NOW + timedelta(hours=4))
    event = AuditEvent.objects.get(action="signing_key.created", actor=operator)
    assert (event.target_id, event.data["explanation"]) == (str(new.pk), "They asked us to")
    # Neither is rotated again while the change is under way.
    assert "Another key has followed this one." in words(decide(desk, address))
    assert "not used yet" in words(decide(desk, f"/admin/fulfillment/signingkey/{new.pk}/rotate/"))
    assert SigningKey.objects.count() == 2
    listed = words(desk.get("/admin/fulfillment/signingkey/"))
    assert "Published, not used yet" in listed
    assert "40 days" in listed


def test_states_of_keys() -> None:
    old = signing.create_signing_key(now=NOW)
    new = signing.create_signing_key(now=NOW)
    old.refresh_from_db()

    def states(hours: int) -> list[str]:
        return [signing.state_of(key, NOW + timedelta(hours=hours)).value for key in (old, new)]

    assert states(1) == ["followed", "coming"]
    assert states(3) == ["followed", "in_use"]
    assert states(4) == ["retired", "in_use"]


@pytest.mark.parametrize("address", ["/public/v1/public-key", "/.well-known/jwks.json"])
def test_when_a_key_was_last_fetched_is_known(client: Client, address: str, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    key = signing.create_signing_key(now=NOW - timedelta(days=1))
    assert signing.last_fetch(key) is None
    client.get(address)
    assert signing.last_fetch(key) == NOW


def test_a_key_in_use_is_not_rotated_by_members(owner: User, now: datetime) -> None:
    key = signing.create_signing_key(now=NOW - timedelta(days=1))
    with pytest.raises(PermissionDenied):
        signing.rotate(key=key, reason="So", now=now, actor=owner)


def test_the_list_of_keys_costs_the_same_with_more(desk: Client, django_assert_num_queries: Any) -> None:
    signing.create_signing_key(now=NOW)
    desk.get("/admin/fulfillment/signingkey/")
    with django_assert_num_queries(5):
        desk.get("/admin/fulfillment/signingkey/")
    for _ in range(2):
        signing.create_signing_key(now=NOW)
    with django_assert_num_queries(5):
        desk.get("/admin/fulfillment/signingkey/")
