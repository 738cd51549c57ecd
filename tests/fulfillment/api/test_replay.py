"""Copies of webhooks for a developer's machine: whose they are, which, signed how, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import OAuthApp, Organization, new_ulid
from fulfillment.api import replay
from fulfillment.domain.delivery import signing
from fulfillment.domain.delivery.messages import CLAIM_CREATED, claim_body
from fulfillment.models import Delivery, SigningKey, WebhookEndpoint
from tests import factories
from tests.api import bearer
from tests.fulfillment.receiver import Received

URL = "/public/v1/drops/replay"
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def clock(now: datetime) -> Iterator[Any]:
    """Ids tell the time: the clock stands where the test is."""
    with time_machine.travel(now, tick=False) as clock:
        yield clock


@pytest.fixture
def api(studio_app: OAuthApp) -> Client:
    return bearer(studio_app, scope="drops:replay")


@pytest.fixture
def endpoint(studio: Organization) -> WebhookEndpoint:
    return factories.WebhookEndpointFactory(organization=studio)


def deliver(
    endpoint: WebhookEndpoint, at: datetime, *, test_mode: bool = True, test: bool = True
) -> Delivery:
    """A delivery of a claim, made at `at`, in a campaign of its own."""
    attached = factories.CampaignRewardFactory(
        campaign__organization=endpoint.organization, campaign__test_mode=test_mode
    )
    with time_machine.travel(at, tick=False):
        claim = factories.ClaimFactory(
            id=new_ulid(), campaign=attached.campaign, reward=attached.reward, test=test, created_at=at
        )
        return Delivery.objects.create(
            endpoint=endpoint,
            claim=claim,
            event_type=CLAIM_CREATED,
            body=claim_body(claim),
            next_attempt_at=at,
            created_at=at,
        )


def send_test(endpoint: WebhookEndpoint, at: datetime) -> Delivery:
    with time_machine.travel(at, tick=False):
        return Delivery.objects.create(
            endpoint=endpoint, event_type="drops.test", body=b"{}", state="failed", created_at=at
        )


def get(api: Client, **query: Any) -> dict[str, Any]:
    answer = api.get(URL, query)
    assert answer.status_code == 200, answer.content
    data: dict[str, Any] = answer.json()["data"]
    return data


def ids(page: dict[str, Any]) -> list[str]:
    return [message["id"] for message in page["messages"]]


def test_tests_and_claims_in_test_mode_are_handed_out_and_nothing_else(
    api: Client, endpoint: WebhookEndpoint, rival_studio: Organization, signing_key: SigningKey, now: datetime
) -> None:
    ago = now - 60 * SECOND
    theirs = factories.WebhookEndpointFactory(organization=rival_studio)
    for other in (deliver(theirs, ago), send_test(theirs, ago)):
        assert other.pk
    deliver(endpoint, ago, test_mode=False, test=False)  # a public campaign
    deliver(endpoint, ago, test_mode=False)  # one that was in test mode
    deliver(endpoint, ago, test=False)  # a claim that counts
    expected = [deliver(endpoint, ago).pk, send_test(endpoint, ago + SECOND).pk]

    assert ids(get(api, since_minutes=10)) == expected
    assert ids(get(api)) == []  # without a cursor: what is new


def test_a_message_is_signed_like_a_webhook_of_this_moment(
    api: Client, endpoint: WebhookEndpoint, signing_key: SigningKey, now: datetime
) -> None:
    delivery = deliver(endpoint, now - 3600 * SECOND)
    before = Delivery.objects.values().get(pk=delivery.pk)
    (message,) = get(api, since_minutes=100)["messages"]
    assert message["body"].encode() == bytes(delivery.body)
    assert message["headers"] == {
        "Content-Type": "application/json",
        "User-Agent": "Drops-Webhooks/1",
        "Kick-Event-Message-ID": delivery.pk,
        "Kick-Event-Subscription-Id": endpoint.pk,
        "Kick-Event-Signature": message["headers"]["Kick-Event-Signature"],
        "Kick-Event-Timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Kick-Event-Message-Timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Kick-Event-Type": "drops.claim.created",
        "Kick-Event-Version": "1",
        "Drops-Key-Id": str(signing_key.pk),
    }
    received = Received("/", message["headers"], message["body"].encode())
    assert received.is_signed_by(signing_key.public_key)
    # A copy: nothing became of the delivery.
    assert Delivery.objects.values().get(pk=delivery.pk) == before
    assert not delivery.attempts.exists()


def test_pages_follow_one_another_and_what_commits_late_is_not_missed(
    api: Client, endpoint: WebhookEndpoint, signing_key: SigningKey, now: datetime, clock: Any
) -> None:
    old = [deliver(endpoint, now - seconds * SECOND).pk for seconds in (50, 40, 30)]
    first = get(api, since_minutes=1, limit=2)
    assert (ids(first), first["cursor"]) == (old[:2], old[1])
    second = get(api, cursor=first["cursor"], limit=2)
    assert ids(second) == old[2:]

    fresh = deliver(endpoint, now - SECOND).pk
    third = get(api, cursor=second["cursor"])
    assert ids(third) == [fresh]
    late = deliver(endpoint, now - 2 * SECOND).pk  # its id was drawn first, and it committed last
    fourth = get(api, cursor=third["cursor"])
    assert ids(fourth) == [late, fresh]  # the same once more: a script goes by ids
    clock.shift(20 * SECOND)
    settled = get(api, cursor=fourth["cursor"])
    assert ids(get(api, cursor=settled["cursor"])) == []


def test_nothing_older_than_a_day_is_handed_out(
    api: Client, endpoint: WebhookEndpoint, signing_key: SigningKey, now: datetime
) -> None:
    deliver(endpoint, now - timedelta(hours=25))
    young = deliver(endpoint, now - timedelta(hours=23)).pk
    assert ids(get(api, cursor="0" * 26)) == [young]
    assert ids(get(api, since_minutes=1440)) == [young]
    assert api.get(URL, {"since_minutes": 1441}).status_code == 400


def test_one_endpoint_alone(
    api: Client, endpoint: WebhookEndpoint, rival_studio: Organization, signing_key: SigningKey, now: datetime
) -> None:
    other = factories.WebhookEndpointFactory(organization=endpoint.organization)
    theirs = factories.WebhookEndpointFactory(organization=rival_studio)
    mine = deliver(endpoint, now - SECOND).pk
    for each in (other, theirs):
        deliver(each, now - SECOND)
    assert ids(get(api, since_minutes=1, endpoint_id=endpoint.pk)) == [mine]
    assert ids(get(api, since_minutes=1, endpoint_id=theirs.pk)) == []
    assert api.get(URL, {"endpoint_id": "nonsense"}).status_code == 404


def test_a_test_event_of_its_own_goes_nowhere(api: Client, signing_key: SigningKey) -> None:
    answer = api.post(URL)
    assert answer.status_code == 200
    message = answer.json()["data"]
    assert message["event_type"] == message["headers"]["Kick-Event-Type"] == "drops.test"
    received = Received("/", message["headers"], message["body"].encode())
    assert received.is_signed_by(signing_key.public_key)
    assert not Delivery.objects.exists()


def test_it_needs_its_scope(studio_app: OAuthApp, rival_app: OAuthApp) -> None:
    for scope in ("", "drops:write"):
        for method in ("get", "post"):
            refused = getattr(bearer(studio_app, scope=scope), method)(URL)
            assert refused.status_code == 403
            assert "drops:replay" in refused.json()["message"]
    assert Client().get(URL).status_code == 401
    stranger = bearer(rival_app, user=factories.UserFactory(), scope="drops:replay")
    assert stranger.get(URL).status_code == 403


def test_without_a_key_nothing_is_handed_out(api: Client) -> None:
    signing.keys_of_ten_seconds.cache_clear()
    assert api.post(URL).status_code == 404


def test_who_asks_too_often_is_told_when_to_go_on(
    api: Client, studio_app: OAuthApp, signing_key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "CALLS_PER_MINUTE", 2)
    assert get(api)["poll_after_seconds"] * 2 == 4
    assert api.post(URL)["RateLimit-Limit"] == "2"
    refused = api.get(URL)
    assert refused.status_code == 429
    assert refused["Retry-After"]
    # The app's other calls are counted apart.
    assert bearer(studio_app).get("/public/v1/drops/claims").status_code == 200


@pytest.mark.parametrize("count", [1, 5])
def test_a_page_costs_the_same_whatever_is_on_it(
    api: Client,
    endpoint: WebhookEndpoint,
    signing_key: SigningKey,
    now: datetime,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count):
        deliver(endpoint, now - SECOND)
        send_test(endpoint, now - SECOND)
    signing.keys_for_signing(now)
    with django_assert_num_queries(5):  # the token, campaigns, claims, tests, deliveries
        get(api, since_minutes=1)
