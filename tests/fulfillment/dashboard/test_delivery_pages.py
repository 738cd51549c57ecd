"""The pages of one delivery, and sending deliveries again: what waits, what came back, what is sent."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from django.test import Client

from accounts.models import AuditEvent, MemberRole, Organization, User
from fulfillment.domain.delivery import resending
from fulfillment.models import Attempt, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.dashboard import press, send_form, sign_in, words
from tests.fulfillment.dashboard.deliveries import LIST, MINUTE, hold, make_attempt, make_failed_test
from tests.fulfillment.delivering import make_delivery


@pytest.fixture
def endpoint(studio: Organization) -> WebhookEndpoint:
    return factories.WebhookEndpointFactory(organization=studio)


@pytest.fixture
def support(studio: Organization) -> User:
    return factories.MembershipFactory(organization=studio, role=MemberRole.SUPPORT).user


NOT_NOW = [
    ({"held_at": MINUTE, "held_reason": "owner"}, "The endpoint is held. Release the endpoint"),
    ({"verified_at": None}, "The endpoint is not verified. Send it a test event"),
    ({"breaker_open_until": MINUTE}, "The endpoint is paused until 12:01:00 UTC"),
]


def set_up(endpoint: WebhookEndpoint, fields: dict[str, Any], now: datetime) -> None:
    for name, value in fields.items():
        setattr(endpoint, name, now + value if isinstance(value, timedelta) else value)
    endpoint.save()


def test_a_delivery_that_is_sent_again_is_on_its_way(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    delivery = make_delivery(endpoint, now + MINUTE)
    page = words(press(owner_client, f"{LIST}{delivery.pk}/resend/"))
    assert f"1 claim is on its way to {endpoint}." in page
    delivery.refresh_from_db()
    assert delivery.next_attempt_at == now


@pytest.mark.parametrize(("fields", "reason"), NOT_NOW)
def test_what_is_sent_again_to_an_endpoint_that_takes_nothing_now_is_said_to_wait(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime, fields: dict[str, Any], reason: str
) -> None:
    first, second = make_delivery(endpoint, now), make_delivery(endpoint, now)
    set_up(endpoint, fields, now)
    url = f"/dashboard/webhooks/{endpoint.pk}/resend/"
    assert "The claims wait until" in words(owner_client.get(url))
    page = words(send_form(owner_client, url, arrival="any", send="1"))
    assert f"2 claims wait for {endpoint}. {reason}" in page
    assert "on their way" not in page
    assert second.pk in page

    page = words(press(owner_client, f"{LIST}{first.pk}/resend/"))
    assert f"1 claim waits for {endpoint}. {reason}" in page
    assert "on its way" not in page


def test_a_filter_that_finds_nothing_sends_nothing(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    make_delivery(endpoint, now)
    url = f"/dashboard/webhooks/{endpoint.pk}/resend/"
    page = words(send_form(owner_client, url, arrival="delivered", send="1"))
    assert "Nothing was sent" in page
    assert "on their way" not in page


RESEND = f"{LIST}resend/"


def send_many(client: Client, query: str) -> str:
    return words(press(client, f"{RESEND}?{query}"))


def due_again(now: datetime) -> set[str]:
    return set(Delivery.objects.filter(trigger="resend", next_attempt_at=now).values_list("pk", flat=True))


def test_all_that_match_the_filter_are_counted_and_then_sent(
    owner_client: Client, endpoint: WebhookEndpoint, rival_studio: Organization, now: datetime
) -> None:
    later = now + MINUTE
    failed = {make_delivery(endpoint, later, last_answer="5xx").pk for _ in range(3)}
    make_delivery(endpoint, later, last_answer="2xx")
    make_delivery(endpoint, later, last_answer="5xx", lease_token=endpoint.pk, leased_at=now)  # under way
    make_failed_test(endpoint, now)
    make_delivery(factories.WebhookEndpointFactory(organization=rival_studio), later, last_answer="5xx")
    link = f'href="{RESEND}?answer=5xx"'
    assert link in words(owner_client.get(LIST, {"answer": "5xx"}))
    asked = words(owner_client.get(f"{RESEND}?answer=5xx"))
    assert (
        "<strong>3 deliveries</strong> are sent again. They are those that the list shows with its filters."
        in asked
    )
    assert not due_again(now)

    assert f"3 claims are on their way to {endpoint}." in send_many(owner_client, "answer=5xx")
    assert due_again(now) == failed
    event = AuditEvent.objects.get(action="endpoint.deliveries_resent")
    assert event.data == {"deliveries": 3, "which": {"answer": "5xx"}}
    # A second one while the first is under way would double what the server gets.
    assert "are being sent" in send_many(owner_client, "answer=5xx")


def test_those_that_were_chosen_are_sent(
    owner_client: Client,
    endpoint: WebhookEndpoint,
    studio: Organization,
    rival_studio: Organization,
    now: datetime,
) -> None:
    later = now + MINUTE
    other = factories.WebhookEndpointFactory(organization=studio)
    chosen = {make_delivery(each, later).pk for each in (endpoint, other)}
    make_delivery(endpoint, later)
    theirs = make_delivery(factories.WebhookEndpointFactory(organization=rival_studio), later)
    page = words(owner_client.get(LIST))
    for pk in chosen:
        assert f'<input type="checkbox" name="id" value="{pk}" form="chosen"' in page
    query = "&".join(f"id={pk}" for pk in (*chosen, theirs.pk, "no id"))
    assert "<strong>2 deliveries</strong>" in words(owner_client.get(f"{RESEND}?{query}"))
    page = send_many(owner_client, query)
    assert f"1 claim is on its way to {endpoint}." in page
    assert f"1 claim is on its way to {other}." in page
    assert due_again(now) == chosen


def test_no_more_are_sent_at_once_than_a_server_bears(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resending, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(resending, "BATCH", 2)
    made = [make_delivery(endpoint, now + MINUTE).pk for _ in range(5)]
    assert "More than 3 deliveries</strong> match. The oldest 3 are sent now." in words(
        owner_client.get(RESEND)
    )
    send_many(owner_client, "")
    assert due_again(now) == set(made[:2])  # the first batch
    assert due_again(now + resending.BATCH_EVERY) == {made[2]}


def test_where_nothing_matches_nothing_is_sent(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    make_delivery(endpoint, now)
    for query in ("answer=dns", f"id={'0' * 26}", "q=nothing"):
        assert "<strong>0 deliveries</strong>" in words(owner_client.get(f"{RESEND}?{query}"))
        assert "Nothing was sent." in send_many(owner_client, query)
    assert "No filter is set" in words(owner_client.get(RESEND))
    factories.WebhookEndpointFactory(organization=endpoint.organization)  # one alone is no choice
    wrong = owner_client.get(f"{RESEND}?endpoint__id__exact=nonsense")
    assert wrong.status_code == 302
    assert owner_client.get(f"{RESEND}?claim__viewer__email=x").status_code == 400


def test_support_sends_one_and_not_many(support: User, endpoint: WebhookEndpoint, now: datetime) -> None:
    client = sign_in(Client(), support)
    pk = make_delivery(endpoint, now + MINUTE).pk
    page = words(client.get(LIST))
    assert "checkbox" not in page
    assert RESEND not in page
    assert client.get(f"{RESEND}?id={pk}").status_code == 403
    assert client.get(f"{LIST}{pk}/compare/").status_code == 403
    assert not due_again(now)


def test_two_attempts_are_compared(owner_client: Client, endpoint: WebhookEndpoint, now: datetime) -> None:
    delivery = make_delivery(endpoint, now, attempt_count=3)
    url = f"{LIST}{delivery.pk}/compare/"
    assert "fewer than two attempts" in words(owner_client.get(url))
    answers = ({"error": "<b>no</b>", "id": 1}, {"error": "yes", "id": 1}, {"id": 1})
    for number, answer in enumerate(answers, start=1):
        make_attempt(
            delivery,
            now,
            number,
            status=500,
            error_class="status",
            request_headers={"Kick-Event-Signature": f"signature{number}", "Same": "same"},
            response_headers={"Server": "nginx"},
            response_body=orjson.dumps(answer),
        )
    assert url in words(owner_client.get(f"{LIST}{delivery.pk}/change/"))
    page = words(owner_client.get(url, {"first": "1", "second": "2"}))
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    for text in ("signature1", "signature2", "<del>", "<ins>"):
        assert text in page
    assert "signature3" not in page
    for query in ({}, {"first": "9", "second": "x"}):  # the last two
        page = words(owner_client.get(url, query))
        assert "signature1" not in page
        assert "signature2" in page
        assert "signature3" in page


def test_a_request_is_copied_as_curl_by_whoever_sees_requests(
    owner_client: Client, member: User, support: User, endpoint: WebhookEndpoint, now: datetime
) -> None:
    endpoint.url = "https://studio.example.com/hook?key=secret"
    endpoint.save()
    delivery = make_delivery(endpoint, now, attempt_count=1)
    headers = {"Kick-Event-Signature": "a'b"}
    attempt = make_attempt(
        delivery, now, 1, status=500, url="https://studio.example.com/hook", request_headers=headers
    )
    url = f"{LIST}{delivery.pk}/change/"

    def shown_to(client: Client) -> str:
        return html.unescape(client.get(url).content.decode())

    of_owner = shown_to(owner_client)
    assert "--url https://studio.example.com/hook \\\n" in of_owner
    assert "The query of the URL is left out" in of_owner
    assert "secret" not in of_owner.replace("may hold a secret", "")
    assert """--header 'Kick-Event-Signature: a'"'"'b'""" in of_owner
    assert bytes(delivery.body).decode() in of_owner
    assert "curl --include" in shown_to(sign_in(Client(), member))
    assert "curl" not in shown_to(sign_in(Client(), support))
    # The URL was changed since: it is not the one that this request went to.
    Attempt.objects.filter(pk=attempt.pk).update(url="https://old.example.com/hook")
    assert "--url https://old.example.com/hook \\\n" in shown_to(owner_client)


@pytest.mark.parametrize(
    ("fields", "notice"),
    [
        ({"held_at": MINUTE, "held_reason": "owner"}, "Needs you: the endpoint is held"),
        ({"verified_at": None}, "Needs you: the endpoint is not verified"),
        ({"breaker_open_until": MINUTE}, "the endpoint is paused until"),
        ({"deleted_at": MINUTE}, "The endpoint was deleted"),
    ],
)
def test_a_delivery_says_what_it_waits_for(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime, fields: dict[str, Any], notice: str
) -> None:
    url = f"{LIST}{make_delivery(endpoint, now).pk}/change/"
    assert notice not in words(owner_client.get(url))
    set_up(endpoint, fields, now)
    assert notice in words(owner_client.get(url))


def after(page: Any) -> str | None:
    """In how many seconds the page fetches its part again."""
    found = re.search(r'hx-get="[^"]+" hx-trigger="load delay:(\d+)s"', words(page))
    return found and found[1]


def test_a_page_is_fetched_again_soon_after_the_next_attempt_until_it_is_settled(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    delivery = make_delivery(endpoint, now)
    row = Delivery.objects.filter(pk=delivery.pk)
    pages = (f"{LIST}{delivery.pk}/change/", f"/dashboard/claims/{delivery.claim_id}/change/")

    def expect(seconds: str | None) -> None:
        assert [after(owner_client.get(page)) for page in pages] == [seconds, seconds]

    expect("5")
    row.update(next_attempt_at=now + MINUTE)
    expect("61")
    row.update(lease_token=delivery.pk, leased_at=now)
    expect("5")
    row.update(lease_token=None, leased_at=None)
    endpoint.breaker_open_until = now + 2 * MINUTE
    endpoint.save()
    expect("121")
    hold(endpoint, now)
    expect(None)
    endpoint.held_at, endpoint.held_reason = None, ""
    endpoint.save()
    row.update(state=DeliveryState.DELIVERED, delivered_at=now, next_attempt_at=None)
    expect(None)


def test_what_is_fetched_again_is_the_part_that_changes(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    delivery = make_delivery(endpoint, now, attempt_count=1)
    attempt = make_attempt(delivery, now, 1, status=500, error_class="status")
    for url, part in (
        (f"{LIST}{delivery.pk}/change/", "delivery-now"),
        (f"/dashboard/claims/{delivery.claim_id}/change/", "claim-now"),
    ):
        page, fetched = (
            words(owner_client.get(url, headers=headers)) for headers in ({}, {"HX-Request": "true"})
        )
        assert "<h1>" in page
        assert "<h1>" not in fetched
        assert f'id="{part}"' in fetched
        assert f'id="attempt-{attempt.pk}"' in fetched
        assert fetched in page


def test_of_a_rival_there_is_no_part_to_fetch(
    owner_client: Client, rival_studio: Organization, now: datetime
) -> None:
    delivery = make_delivery(factories.WebhookEndpointFactory(organization=rival_studio), now)
    for url in (f"{LIST}{delivery.pk}/change/", f"/dashboard/claims/{delivery.claim_id}/change/"):
        assert owner_client.get(url, headers={"HX-Request": "true"}).status_code == 404
