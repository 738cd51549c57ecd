"""What closes an endpoint for a while, what does not, and who else is closed with it: nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fulfillment.domain.claims.story import claim_timeline
from fulfillment.domain.delivery import attempts, queue, signing
from fulfillment.domain.delivery.attempts import Outcome, send, write_outcomes
from fulfillment.domain.delivery.endpoints import change_endpoint
from fulfillment.domain.delivery.queue import take_due
from fulfillment.domain.delivery.resending import resend_delivery
from fulfillment.domain.delivery.status import LONGEST_PAUSE
from fulfillment.models import Delivery, DeliveryState, SigningKey, WebhookEndpoint
from tests import factories
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.fulfillment.receiver import Reply

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def in_flight(endpoint, now, how_many=1):
    """Requests under way, whose outcomes are told later."""
    for _ in range(how_many):
        make_delivery(endpoint, now)
    return take_due(limit=how_many, now=now)


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


def test_what_was_leased_by_a_clock_that_was_ahead_is_taken_over_at_once(endpoint, receiver, now):
    in_flight(endpoint, now + 6 * HOUR, queue.IN_FLIGHT_PER_ENDPOINT)
    make_delivery(endpoint, now)

    taken = deliver_due(now)

    assert [attempt.status for attempt in taken] == [200]
    while deliver_due(now + 10 * SECOND):
        pass
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.DELIVERED}


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
    """A busy receiver that has cached the key of before for an hour, in the minute after the change."""
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
    signing.create_signing_key(now=now)
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


# Other studios


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
