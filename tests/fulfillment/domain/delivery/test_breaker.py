"""What closes an endpoint for a while, what does not, and who else is closed with it: nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fulfillment.domain.claims.story import claim_timeline
from fulfillment.domain.delivery import attempts, signing
from fulfillment.domain.delivery.attempts import Outcome, send, write_outcomes
from fulfillment.domain.delivery.endpoints import change_endpoint
from fulfillment.domain.delivery.queue import take_due
from fulfillment.domain.delivery.resending import resend_delivery
from fulfillment.domain.delivery.schedule import SCHEDULE
from fulfillment.domain.delivery.status import LONGEST_PAUSE
from fulfillment.models import Delivery, DeliveryState, SigningKey
from tests import factories
from tests.fulfillment.delivering import deliver_due, in_flight, make_delivery
from tests.fulfillment.receiver import Reply

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def tell(lease, now):
    write_outcomes([Outcome(lease, send(lease, keys=signing.keys_for_signing(now), now=now))])


# Answers that come late


def test_an_answer_that_was_on_its_way_shortens_no_pause(endpoint, receiver, now):
    paused, failed = in_flight(endpoint, now, 2)
    receiver.answers(Reply(429, {"Retry-After": "200"}), Reply(500))

    tell(paused, now)
    tell(failed, now)

    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until == now + 200 * SECOND


@pytest.mark.parametrize("status", [410, 500])
def test_what_the_url_of_before_says_is_not_held_against_the_new_one(endpoint, receiver, owner, now, status):
    (lease,) = in_flight(endpoint, now)
    change_endpoint(endpoint=endpoint, url=receiver.url + "/new", actor=owner, now=now)
    receiver.answers(status)

    tell(lease, now)

    endpoint.refresh_from_db()
    assert (endpoint.held_at, endpoint.failing_since) == (None, None)
    assert lease.delivery.attempts.get().status == status


def test_the_log_has_the_url_that_each_attempt_went_to(endpoint, receiver, owner, now):
    delivery = make_delivery(endpoint, now)
    receiver.answers(500, 200)
    deliver_due(now)
    change_endpoint(endpoint=endpoint, url=receiver.url + "/new?key=s3cret", actor=owner, now=now)
    deliver_due(now)
    deliver_due(now + 10 * SECOND)

    assert [attempt.url for attempt in delivery.attempts.all()] == [receiver.url, receiver.url + "/new"]
    story = [moment.what for moment in claim_timeline(claim=delivery.claim)]
    assert f"Attempt 1 at {receiver.url} failed" in story[1]
    assert story[2] == f"Delivered to {receiver.url}/new"


# A clock that was ahead


def test_a_breaker_that_was_opened_by_a_clock_that_was_ahead_is_over(endpoint, receiver, now):
    endpoint.breaker_open_until = now + 6 * HOUR
    endpoint.save()
    make_delivery(endpoint, now)
    assert [attempt.status for attempt in deliver_due(now)] == [200]

    endpoint.breaker_open_until = now + LONGEST_PAUSE
    endpoint.save()
    make_delivery(endpoint, now)
    assert deliver_due(now) == []


# Errors of ours


def test_an_error_at_one_endpoint_of_a_claim_leaves_the_others_their_turn(
    endpoint, receiver, now, monkeypatch
):
    other = factories.WebhookEndpointFactory(organization=endpoint.organization, url=receiver.url + "/other")
    leases = in_flight(endpoint, now) + in_flight(other, now)
    monkeypatch.setattr(attempts.client, "post", fail_once(attempts.client.post))

    attempts.attempt_leased(leases, now=now)

    assert [received.path for received in receiver.received] == ["/hooks/other"]


def fail_once(post):
    failures = iter([True])

    def failing_once(**arguments):
        if next(failures, False):
            raise ZeroDivisionError
        return post(**arguments)

    return failing_once


def test_a_key_that_is_not_on_this_machine_is_no_failure_of_the_endpoint(
    endpoint, receiver, signing_key, now, settings, tmp_path
):
    settings.SIGNING_KEY_DIR = str(tmp_path)
    SigningKey.objects.update(private_key=b"")
    signing.keys_of_ten_seconds.cache_clear()
    make_delivery(endpoint, now)

    (attempt,) = deliver_due(now)

    assert (attempt.error_class, receiver.received) == ("signing", [])
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


# What arrived before


def test_what_arrived_once_stays_delivered_however_a_resend_ends(endpoint, receiver, owner, now):
    delivery = make_delivery(endpoint, now)
    deliver_due(now)
    delivery.refresh_from_db()
    arrived = delivery.delivered_at

    resend_delivery(delivery=delivery, actor=owner, now=now + HOUR)
    deliver_due(now + HOUR)
    delivery.refresh_from_db()
    assert delivery.delivered_at == arrived

    receiver.answers(500)
    resend_delivery(delivery=delivery, actor=owner, now=now + 2 * HOUR)
    for hours in range(2, 10 * 24):
        deliver_due(now + hours * HOUR)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.next_attempt_at) == (DeliveryState.DELIVERED, None)


# Two keys at a time


def test_refusals_of_one_key_of_two_close_nobody(endpoint, receiver, signing_key, now):
    """A busy receiver that caches the previous key for an hour, in the minute after the change."""
    long_ago = now - 9 * HOUR
    SigningKey.objects.update(created_at=long_ago, published_at=long_ago, active_from=long_ago)
    signing.create_signing_key(now=now - 2 * HOUR)
    receiver.decide = lambda received: Reply(200 if received.is_signed_by(signing_key.public_key) else 401)

    for second in range(30):
        for _ in range(4):
            make_delivery(endpoint, now + second * SECOND)
        deliver_due(now + second * SECOND)
    for second in range(30, 45):
        deliver_due(now + second * SECOND)

    assert {delivery.attempt_count for delivery in Delivery.objects.all()} == {2}
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.DELIVERED}


def test_a_probe_is_signed_with_the_other_key_where_one_was_refused(endpoint, receiver, now):
    make_delivery(endpoint, now - HOUR)
    refused = make_delivery(endpoint, now, failures=1, attempt_count=1, retrying_since=now)
    endpoint.breaker_open_until = now
    endpoint.save()

    (lease,) = take_due(limit=10, now=now)

    assert lease.delivery == refused


def test_a_server_that_is_down_while_two_keys_are_published_is_still_given_a_rest(
    endpoint, receiver, signing_key, now
):
    factories.make_signing_key(now)
    receiver.answers(500)
    for _ in range(10):
        make_delivery(endpoint, now)
    deliver_due(now)
    deliver_due(now)
    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is None

    while deliver_due(now + 10 * SECOND):
        pass
    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is not None


# Opening and closing


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
