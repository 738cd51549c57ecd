"""Endpoints: added, verified, moved, held, released, tested, deleted."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent
from fulfillment.domain.delivery import attempts, endpoints, queue
from fulfillment.domain.delivery.endpoints import (
    TooManyTests,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    hold_endpoint,
    release_endpoint,
    send_test_event,
)
from fulfillment.domain.delivery.status import TAKES_CLAIMS, holds
from fulfillment.models import Delivery, DeliveryState, WebhookEndpoint
from tests.fulfillment.delivering import deliver_due, make_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def fresh(studio, owner, receiver, signing_key, now) -> WebhookEndpoint:
    return create_endpoint(organization=studio, url=receiver.url, actor=owner, now=now)


def test_a_new_endpoint_is_sent_a_test_that_verifies_it(fresh, receiver, now):
    assert not holds(TAKES_CLAIMS, fresh)
    deliver_due(now)

    fresh.refresh_from_db()
    assert holds(TAKES_CLAIMS, fresh)
    (received,) = receiver.received
    assert received.headers["Kick-Event-Type"] == "drops.test"
    body = json.loads(received.body)
    assert list(body) == ["claim_id", "user_id", "campaign_id", "reward_id", "external_id"]
    assert body["campaign_id"] == "0" * 26


def test_claims_wait_for_the_test_to_be_answered(fresh, receiver, now):
    receiver.answers(404, 200)
    claim = make_delivery(fresh, now)

    assert [attempt.delivery.claim for attempt in deliver_due(now)] == [None]
    assert [attempt.delivery.claim for attempt in deliver_due(now + timedelta(seconds=10))] == [None]
    assert [attempt.delivery for attempt in deliver_due(now + timedelta(seconds=11))] == [claim]


def test_an_owners_test_that_fails_does_not_make_an_endpoint_failing(fresh, receiver, owner, now):
    receiver.answers(500)
    send_test_event(endpoint=fresh, actor=owner, now=now)
    fresh.refresh_from_db()
    assert (fresh.failing_since, fresh.verified_at) == (None, None)

    deliver_due(now)
    fresh.refresh_from_db()
    assert (fresh.failing_since, fresh.verified_at) == (now, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://game.example.com/hook",
        "https://10.0.0.1/hook",
        "https://user:pass@game.example.com/",
        "https://game.example.com:22/",
        "https://game",
        "ftp://game.example.com/",
        "not a url",
        "",
    ],
)
def test_a_url_that_may_not_be_called_is_refused(studio, owner, now, settings, url):
    settings.OUTBOUND_ALLOW_LOOPBACK = False

    with pytest.raises(ValidationError) as raised:
        create_endpoint(organization=studio, url=url, actor=owner, now=now)

    assert list(raised.value.message_dict) == ["url"]
    assert not WebhookEndpoint.objects.exists()


def test_an_organization_has_five_endpoints_at_most(studio, owner, now):
    for number in range(5):
        url = f"https://game.example.com/{number}"
        create_endpoint(organization=studio, url=url, actor=owner, now=now)

    with pytest.raises(ValidationError, match="at most 5"):
        create_endpoint(organization=studio, url="https://game.example.com/5", actor=owner, now=now)

    delete_endpoint(endpoint=WebhookEndpoint.objects.first(), actor=owner, now=now)
    create_endpoint(organization=studio, url="https://game.example.com/5", actor=owner, now=now)


def test_one_url_once(fresh, studio, owner, now):
    with pytest.raises(ValidationError, match="An endpoint with this URL already exists"):
        create_endpoint(organization=studio, url=fresh.url, actor=owner, now=now)


def test_a_new_url_is_verified_anew_and_gets_what_waited(endpoint, receiver, owner, now):
    waiting = make_delivery(endpoint, now)
    change_endpoint(endpoint=endpoint, url=receiver.url + "/moved", actor=owner, now=now)

    deliver_due(now)
    deliver_due(now)

    assert [received.path for received in receiver.received] == ["/hooks/moved", "/hooks/moved"]
    waiting.refresh_from_db()
    assert waiting.state == DeliveryState.DELIVERED


def test_a_test_verifies_only_the_url_that_it_was_sent_to(fresh, receiver, owner, now):
    (on_its_way,) = queue.take_due(limit=1, now=now)
    change_endpoint(endpoint=fresh, url=receiver.url + "/moved", actor=owner, now=now)

    attempts.attempt(on_its_way, now=now)
    fresh.refresh_from_db()
    assert not holds(TAKES_CLAIMS, fresh)

    deliver_due(now)
    fresh.refresh_from_db()
    assert holds(TAKES_CLAIMS, fresh)
    assert [received.path for received in receiver.received] == ["/hooks", "/hooks/moved"]


def test_a_new_url_is_not_sent_the_test_of_the_one_before(fresh, receiver, owner, now):
    receiver.answers(500)
    (before,) = deliver_due(now)
    change_endpoint(endpoint=fresh, url=receiver.url + "/moved", actor=owner, now=now)

    sent = deliver_due(now + timedelta(minutes=1)) + deliver_due(now + timedelta(days=1))

    assert len(sent) == 2
    assert before.delivery not in {attempt.delivery for attempt in sent}


def test_a_test_of_the_url_before_that_is_under_way_ends_there(fresh, receiver, owner, now):
    (lease,) = queue.take_due(limit=1, now=now)
    change_endpoint(endpoint=fresh, url=receiver.url + "/moved", actor=owner, now=now)
    receiver.answers(500)
    attempts.attempt(lease, now=now)

    sent = deliver_due(now + timedelta(minutes=1)) + deliver_due(now + timedelta(days=1))

    assert len(sent) == 2
    assert lease.delivery not in {attempt.delivery for attempt in sent}


def test_changing_the_time_to_acknowledge_asks_for_no_new_verification(endpoint, owner, now):
    changed = change_endpoint(endpoint=endpoint, acknowledge_within_hours=24, actor=owner, now=now)

    assert holds(TAKES_CLAIMS, changed)
    assert not Delivery.objects.exists()
    with pytest.raises(ValidationError):
        change_endpoint(endpoint=endpoint, acknowledge_within_hours=0, actor=owner, now=now)


def test_held_claims_wait_and_are_sent_on_release(endpoint, receiver, owner, now):
    hold_endpoint(endpoint=endpoint, actor=owner, now=now)
    make_delivery(endpoint, now)
    make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)
    assert deliver_due(now + timedelta(days=3)) == []

    assert release_endpoint(endpoint=endpoint, actor=owner, now=now + timedelta(days=3)) == 2
    assert len(deliver_due(now + timedelta(days=3))) == 2
    assert not Delivery.objects.exclude(state=DeliveryState.DELIVERED).exists()


def test_what_is_not_held_is_not_released(endpoint, owner, now):
    make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)

    assert release_endpoint(endpoint=endpoint, actor=owner, now=now) == 0
    assert Delivery.objects.get().state == DeliveryState.FAILED
    assert not AuditEvent.objects.filter(action="endpoint.released").exists()


def test_a_release_leaves_what_is_on_its_way_alone(endpoint, receiver, owner, now):
    make_delivery(endpoint, now)
    queue.take_due(limit=1, now=now)
    on_its_way = Delivery.objects.values().get()
    waiting = make_delivery(endpoint, now)
    hold_endpoint(endpoint=endpoint, actor=owner, now=now)

    assert release_endpoint(endpoint=endpoint, actor=owner, now=now) == 1

    assert Delivery.objects.values().get(pk=on_its_way["id"]) == on_its_way
    assert [attempt.delivery for attempt in deliver_due(now)] == [waiting]


def test_a_release_closes_the_breaker_and_failures_of_before_do_not_open_it_again(
    endpoint, receiver, owner, now
):
    receiver.answers(500)
    for _ in range(10):
        make_delivery(endpoint, now)
    while deliver_due(now):
        pass
    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is not None

    later = now + timedelta(seconds=1)
    hold_endpoint(endpoint=endpoint, actor=owner, now=later)
    release_endpoint(endpoint=endpoint, actor=owner, now=later)

    assert len(deliver_due(later)) == 8
    endpoint.refresh_from_db()
    assert endpoint.breaker_open_until is None


def test_a_release_gives_a_failing_endpoint_five_more_days_and_keeps_when_its_failures_began(
    endpoint, receiver, owner, now
):
    began = now - timedelta(days=6)
    receiver.answers(500)
    endpoint.failing_since = began
    endpoint.save()
    make_delivery(endpoint, now)
    hold_endpoint(endpoint=endpoint, actor=owner, now=now)
    release_endpoint(endpoint=endpoint, actor=owner, now=now)

    deliver_due(now)

    endpoint.refresh_from_db()
    assert (endpoint.held_at, endpoint.failing_since) == (None, began)

    later = now + timedelta(days=5)
    make_delivery(endpoint, later)
    deliver_due(later)

    endpoint.refresh_from_db()
    assert (endpoint.held_at, endpoint.held_reason, endpoint.failing_since) == (later, "failing", began)


def test_a_success_after_a_release_ends_the_run_of_failures(endpoint, receiver, owner, now):
    endpoint.failing_since = now - timedelta(days=6)
    endpoint.save()
    make_delivery(endpoint, now)
    hold_endpoint(endpoint=endpoint, actor=owner, now=now)
    release_endpoint(endpoint=endpoint, actor=owner, now=now)

    deliver_due(now)

    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.released_at) == (None, None)


def test_a_deleted_endpoint_gets_nothing_and_keeps_its_history(endpoint, receiver, owner, now):
    make_delivery(endpoint, now)
    deliver_due(now)
    make_delivery(endpoint, now)

    delete_endpoint(endpoint=endpoint, actor=owner, now=now)

    assert deliver_due(now) == []
    assert endpoint.deliveries.count() == 2


def test_a_test_event_comes_back_with_the_whole_exchange(endpoint, receiver, owner, now):
    receiver.answers(418)

    attempt = send_test_event(endpoint=endpoint, actor=owner, now=now)

    assert (attempt.status, attempt.trigger, attempt.error_class) == (418, "test", "status")
    assert attempt.request_headers["Kick-Event-Type"] == "drops.test"
    assert attempt.delivery.attempts.get().status == 418
    assert deliver_due(now + timedelta(days=1)) == []  # it is not tried again


def test_a_test_event_that_is_answered_verifies(fresh, owner, now):
    send_test_event(endpoint=fresh, actor=owner, now=now)

    fresh.refresh_from_db()
    assert fresh.verified_at is not None
    assert AuditEvent.objects.filter(action="endpoint.verified").count() == 1


def test_tests_are_limited(endpoint, receiver, owner, now):
    for _ in range(endpoints.TESTS_PER_MINUTE):
        send_test_event(endpoint=endpoint, actor=owner, now=now)

    with pytest.raises(TooManyTests):
        send_test_event(endpoint=endpoint, actor=owner, now=now)
    assert len(receiver.received) == endpoints.TESTS_PER_MINUTE

    send_test_event(endpoint=endpoint, actor=owner, now=now + timedelta(minutes=1))


def test_new_urls_are_tests_too(endpoint, receiver, owner, now):
    for number in range(endpoints.TESTS_PER_MINUTE):
        change_endpoint(endpoint=endpoint, url=f"{receiver.url}/{number}", actor=owner, now=now)

    with pytest.raises(ValidationError, match="6 test events can be sent in a minute"):
        change_endpoint(endpoint=endpoint, url=f"{receiver.url}/one-more", actor=owner, now=now)
    endpoint.refresh_from_db()
    assert endpoint.url == f"{receiver.url}/5"


def test_the_query_of_a_url_is_not_audited(studio, owner, receiver, signing_key, now):
    endpoint = create_endpoint(organization=studio, url=receiver.url + "?key=s3cret", actor=owner, now=now)
    deliver_due(now)
    change_endpoint(endpoint=endpoint, url=receiver.url + "?key=s3cret2", actor=owner, now=now)
    delete_endpoint(endpoint=endpoint, actor=owner, now=now)

    shown = f"{receiver.url}?… ({endpoint.pk[-4:]})"
    assert list(
        AuditEvent.objects.filter(organization=studio).order_by("pk").values_list("action", "data")
    ) == [
        ("endpoint.created", {"url": shown}),
        ("endpoint.verified", {"url": shown}),
        ("endpoint.changed", {"url": [shown, shown]}),
        ("endpoint.deleted", {"url": shown}),
    ]


def test_a_change_is_audited_with_what_it_was_before(endpoint, owner, now):
    fields = {"url": endpoint.url, "acknowledge_within_hours": 24}
    change_endpoint(endpoint=endpoint, **fields, actor=owner, now=now)

    assert AuditEvent.objects.get(action="endpoint.changed").data == {"acknowledge_within_hours": [None, 24]}


def test_endpoints_that_differ_in_their_query_have_different_names(studio):
    url = "https://game.example.com/hooks"
    names = {str(WebhookEndpoint(organization=studio, url=url + query)) for query in ("", "?a=1", "?a=2")}

    assert len(names) == 3
    assert url in names


def test_every_verb_is_audited(studio, owner, receiver, signing_key, now):
    endpoint = create_endpoint(organization=studio, url=receiver.url, actor=owner, now=now)
    hold_endpoint(endpoint=endpoint, actor=owner, now=now)
    release_endpoint(endpoint=endpoint, actor=owner, now=now)
    change_endpoint(endpoint=endpoint, url=receiver.url + "/2", actor=owner, now=now)
    delete_endpoint(endpoint=endpoint, actor=owner, now=now)

    events = AuditEvent.objects.filter(organization=studio, actor=owner).order_by("pk")
    assert [event.action for event in events] == [
        "endpoint.created",
        "endpoint.held",
        "endpoint.released",
        "endpoint.changed",
        "endpoint.deleted",
    ]
