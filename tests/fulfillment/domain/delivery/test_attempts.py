"""Deliveries: retried by the schedule, taken by lease, held and never dropped."""

from __future__ import annotations

import itertools
from datetime import timedelta
from email.utils import format_datetime

import pytest

from fulfillment.domain.delivery import attempts, queue, signing
from fulfillment.domain.delivery.queue import take_due
from fulfillment.domain.delivery.schedule import SCHEDULE
from fulfillment.models import Attempt, Delivery, DeliveryState, SigningKey, WebhookEndpoint
from scripts.ports import free_port
from tests import factories
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.fulfillment.peers import running_peer
from tests.fulfillment.receiver import Reply

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


# Retries


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


def test_the_schedule(endpoint, receiver, now):
    receiver.answers(500)
    delivery = make_delivery(endpoint, now)
    moment = now

    for planned in SCHEDULE:
        deliver_due(moment)
        delivery.refresh_from_db()
        wait = delivery.next_attempt_at - moment
        assert planned * 0.8 <= wait <= planned * 1.2 + 2 * SECOND
        moment = delivery.next_attempt_at

    attempts = Attempt.objects.filter(delivery=delivery)
    assert [attempt.number for attempt in attempts] == list(range(1, len(SCHEDULE) + 1))
    assert [attempt.trigger for attempt in attempts] == ["claim"] + ["retry"] * (len(SCHEDULE) - 1)
    assert {(attempt.status, attempt.error_class) for attempt in attempts} == {(500, "status")}


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ("120", 120 * SECOND),
        (format_datetime(factories.NOW + timedelta(hours=3), usegmt=True), timedelta(hours=3)),
        ("Fri, 20 Nov 2026 15:00:00 -0000", timedelta(hours=3)),
        ("999999999999", timedelta(hours=24)),
        ("Sat, 20 Nov 2027 12:00:00 GMT", timedelta(hours=24)),
        ("0", 4 * SECOND),
        ("-5", 4 * SECOND),
        ("Fri, 20 Nov 2020 12:00:00 GMT", 4 * SECOND),
        ("soon", 4 * SECOND),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 4 * SECOND),
        ("Fri, 20 Nov 2026 15:00:00 +99999999999999", 4 * SECOND),
        ("²", 4 * SECOND),
    ],
)
def test_retry_after_is_respected(endpoint, receiver, now, asked, least):
    receiver.answers(Reply(429, {"Retry-After": asked.encode().decode("latin-1")}))
    delivery = make_delivery(endpoint, now)

    deliver_due(now)

    delivery.refresh_from_db()
    assert least <= delivery.next_attempt_at - now <= least + 4 * SECOND


def test_retry_after_pauses_the_other_deliveries_of_the_endpoint_too(endpoint, receiver, now):
    receiver.answers(Reply(429, {"Retry-After": "60"}), Reply(200))
    make_delivery(endpoint, now)
    deliver_due(now)
    make_delivery(endpoint, now)

    assert deliver_due(now + 59 * SECOND) == []
    assert len(deliver_due(now + 61 * SECOND)) == 1  # one probe
    assert len(deliver_due(now + 62 * SECOND)) == 1


def test_retry_after_pauses_the_others_for_five_minutes_at_most(endpoint, receiver, now):
    receiver.answers(Reply(503, {"Retry-After": "86400"}), Reply(200))
    make_delivery(endpoint, now)
    deliver_due(now)
    other = make_delivery(endpoint, now)

    assert deliver_due(now + 299 * SECOND) == []
    assert [attempt.delivery for attempt in deliver_due(now + 301 * SECOND)] == [other]


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


# Leases


def test_what_is_leased_is_taken_by_nobody_else(endpoint, now):
    make_delivery(endpoint, now)

    assert len(take_due(limit=10, now=now)) == 1
    assert take_due(limit=10, now=now + SECOND) == []


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


# Holding


def test_410_holds_the_queue_at_once_and_drops_nothing(endpoint, receiver, now):
    receiver.answers(410)
    gone, waiting = make_delivery(endpoint, now), make_delivery(endpoint, now + SECOND)

    deliver_due(now)

    endpoint.refresh_from_db()
    assert (endpoint.held_reason, endpoint.held_at is not None) == ("gone", True)
    assert deliver_due(now + timedelta(days=30)) == []
    assert set(Delivery.objects.filter(state=DeliveryState.PENDING)) == {gone, waiting}


def test_five_failing_days_hold_the_endpoint(endpoint, receiver, now):
    receiver.answers(500)
    delivery = make_delivery(endpoint, now)
    moment = now
    while delivery.state == DeliveryState.PENDING and endpoint.held_at is None:
        deliver_due(moment)
        delivery.refresh_from_db()
        endpoint.refresh_from_db()
        moment = delivery.next_attempt_at

    assert endpoint.held_reason == "failing"
    assert timedelta(days=5) <= endpoint.held_at - now <= timedelta(days=6.2)
    assert delivery.state == DeliveryState.FAILED


def test_one_claim_that_always_fails_does_not_hold_the_endpoint(endpoint, receiver, now):
    delivery = make_delivery(endpoint, now)
    receiver.decide = lambda received: Reply(500 if received.message_id == delivery.pk else 200)
    moment = now
    while moment is not None:
        deliver_due(moment)
        make_delivery(endpoint, moment)
        deliver_due(moment)
        delivery.refresh_from_db()
        moment = delivery.next_attempt_at

    endpoint.refresh_from_db()
    assert endpoint.held_at is None
    assert delivery.state == DeliveryState.FAILED
    assert delivery.attempts.count() >= len(SCHEDULE) + 1


def test_an_endpoint_that_is_not_verified_gets_no_claims(endpoint, receiver, now):
    WebhookEndpoint.objects.update(verified_at=None)
    make_delivery(endpoint, now)

    assert deliver_due(now + timedelta(days=1)) == []
    assert receiver.received == []


# The breaker


def fail(endpoint, receiver, now, times, status=500):
    receiver.answers(status)
    for _ in range(times):
        make_delivery(endpoint, now)
    while deliver_due(now, limit=1):
        pass


def test_the_breaker_opens_at_ten_attempts_most_of_which_failed(endpoint, receiver, now):
    fail(endpoint, receiver, now, 9)
    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is None

    fail(endpoint, receiver, now, 1)
    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until == now + 30 * SECOND
    receiver.answers(200)
    make_delivery(endpoint, now)
    assert deliver_due(now + 29 * SECOND) == []


def test_the_breaker_stays_closed_below_seventy_percent(endpoint, receiver, now):
    fail(endpoint, receiver, now, 6, status=200)
    fail(endpoint, receiver, now, 13)
    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is None  # 13 of 19

    fail(endpoint, receiver, now, 1)
    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is not None  # 14 of 20


def test_failures_of_long_ago_do_not_count(endpoint, receiver, now):
    fail(endpoint, receiver, now - 6 * MINUTE, 9)
    Delivery.objects.update(next_attempt_at=now + timedelta(days=1))
    fail(endpoint, receiver, now, 1)

    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is None


def test_one_probe_closes_the_breaker_or_keeps_it_open(endpoint, receiver, now):
    fail(endpoint, receiver, now, 10)
    later = now + MINUTE

    assert len(take_due(limit=10, now=later)) == 1  # this probe is never finished
    assert take_due(limit=10, now=later + 10 * SECOND) == []

    later += 30 * SECOND
    (probe,) = deliver_due(later)
    assert probe.status == 500
    assert deliver_due(later + 29 * SECOND) == []

    receiver.answers(200)
    assert len(deliver_due(later + 40 * SECOND)) == 1
    endpoint.refresh_from_db()
    assert (endpoint.breaker_open_until, endpoint.failing_since) == (None, None)
    assert len(deliver_due(later + 41 * SECOND)) == 8


def test_after_the_breaker_closed_older_failures_do_not_open_it_again(endpoint, receiver, now):
    fail(endpoint, receiver, now, 10)
    receiver.answers(200)
    deliver_due(now + MINUTE)
    Delivery.objects.filter(state=DeliveryState.PENDING).update(next_attempt_at=now + timedelta(days=1))

    fail(endpoint, receiver, now + 2 * MINUTE, 1)

    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is None


def test_crashes_of_our_own_do_not_open_the_breaker(endpoint, receiver, now):
    for _ in range(12):
        make_delivery(endpoint, now)
    take_due(limit=100, now=now)
    take_due(limit=100, now=now + MINUTE)  # notes eight crashes

    fail(endpoint, receiver, now + MINUTE, 3)

    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is None


def test_the_condition_of_an_endpoint_recovers_with_the_first_success(endpoint, receiver, now):
    fail(endpoint, receiver, now, 1)
    endpoint.refresh_from_db()
    assert endpoint.failing_since == now

    receiver.answers(200)
    deliver_due(now + MINUTE)

    endpoint.refresh_from_db()
    assert endpoint.failing_since is None
