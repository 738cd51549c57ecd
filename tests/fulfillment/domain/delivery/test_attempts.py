"""An attempt sends the same message each time, and keeps what came back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fulfillment.domain.delivery import attempts, signing
from fulfillment.domain.delivery.queue import take_due
from fulfillment.models import Attempt, DeliveryState, SigningKey
from scripts.ports import free_port
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.fulfillment.peers import running_peer
from tests.fulfillment.receiver import Reply

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def test_every_attempt_has_the_same_id_and_bytes_and_a_fresh_timestamp(endpoint, receiver, now):
    receiver.answers(500, 503, 200)
    delivery = make_delivery(endpoint, now)

    for moment in (now, now + MINUTE, now + 10 * MINUTE):
        deliver_due(moment)

    assert len(receiver.received) == 3
    assert {received.message_id for received in receiver.received} == {delivery.pk}
    assert {received.body for received in receiver.received} == {bytes(delivery.body)}
    assert [received.headers["Kick-Event-Timestamp"] for received in receiver.received] == [
        "2026-11-20T12:00:00Z",
        "2026-11-20T12:01:00Z",
        "2026-11-20T12:10:00Z",
    ]
    pem = signing.public_key_pem(now)
    assert all(received.is_signed_by(pem) for received in receiver.received)


def test_the_headers_of_the_contract(endpoint, receiver, now):
    delivery = make_delivery(endpoint, now)

    deliver_due(now)

    headers = receiver.received[0].headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Kick-Event-Message-ID"] == delivery.pk
    assert headers["Kick-Event-Subscription-Id"] == endpoint.pk
    assert headers["Kick-Event-Type"] == "drops.claim.created"
    assert headers["Kick-Event-Version"] == "1"
    assert headers["Kick-Event-Message-Timestamp"] == headers["Kick-Event-Timestamp"]


def test_a_redirect_is_not_followed(endpoint, receiver, now):
    receiver.answers(Reply(302, {"Location": receiver.url + "/elsewhere"}))
    make_delivery(endpoint, now)

    (attempt,) = deliver_due(now)

    assert (attempt.status, attempt.error_class) == (302, "redirect")
    assert len(receiver.received) == 1


def test_an_attempt_keeps_the_answer_without_its_secrets(endpoint, receiver, now):
    receiver.answers(Reply(500, {"Set-Cookie": "session=abc", "X-Trace": "7"}, b"<h1>" + b"x" * 10_000))
    make_delivery(endpoint, now)

    deliver_due(now)

    attempt = Attempt.objects.get()
    assert bytes(attempt.response_body) == (b"<h1>" + b"x" * 10_000)[:8192]
    assert attempt.response_headers["X-Trace"] == "7"
    assert "abc" not in str(attempt.response_headers)
    assert attempt.request_headers["Kick-Event-Type"] == "drops.claim.created"


def test_a_server_that_is_away(endpoint, receiver, now):
    endpoint.url = f"http://127.0.0.1:{free_port()}"
    endpoint.save()
    delivery = make_delivery(endpoint, now)

    (attempt,) = deliver_due(now)

    assert (attempt.status, attempt.error_class) == (None, "connect")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.PENDING


def test_without_a_signing_key_the_delivery_waits_and_the_endpoint_is_not_blamed(endpoint, receiver, now):
    SigningKey.objects.all().delete()
    delivery = make_delivery(endpoint, now)

    (attempt,) = deliver_due(now)

    assert attempt.error_class == "signing"
    delivery.refresh_from_db()
    endpoint.refresh_from_db()
    assert delivery.state == DeliveryState.PENDING
    assert endpoint.failing_since is None
    assert receiver.received == []


def test_an_answer_with_what_no_column_takes_is_kept_all_the_same(endpoint, now):
    def behave(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: g\x00zip\r\nContent-Length: 0\r\n\r\n")

    with running_peer(behave) as port:
        endpoint.url = f"http://127.0.0.1:{port}/"
        endpoint.save()
        delivery = make_delivery(endpoint, now)
        (attempt,) = deliver_due(now)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED
    assert "\x00" not in attempt.error
    assert "g�zip" in attempt.error


def test_a_late_outcome_overwrites_nothing_but_is_kept(endpoint, receiver, now):
    receiver.answers(200, 500)
    delivery = make_delivery(endpoint, now)
    (slow,) = take_due(limit=10, now=now)
    (other,) = take_due(limit=10, now=now + MINUTE)

    attempts.attempt(slow, now=now)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.lease_token) == (DeliveryState.PENDING, other.token)

    attempts.attempt(other, now=now + MINUTE)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.PENDING
    assert [(a.number, a.status, a.error_class) for a in delivery.attempts.all()] == [
        (1, 200, ""),
        (2, 500, "status"),
    ]
