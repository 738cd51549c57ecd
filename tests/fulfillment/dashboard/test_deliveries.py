"""The list of deliveries, and one of them: what it waits for, what came back, sending it again."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import time_machine
from django.test import Client

from accounts.models import AuditEvent, MemberRole, Organization, User
from fulfillment.domain.delivery import resending
from fulfillment.models import Attempt, Claim, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.dashboard import press, send_form, sign_in, words
from tests.fulfillment.delivering import make_delivery

LIST = "/dashboard/deliveries/"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def endpoint(studio: Organization) -> WebhookEndpoint:
    return factories.WebhookEndpointFactory(organization=studio)


@pytest.fixture
def support(studio: Organization) -> User:
    return factories.MembershipFactory(organization=studio, role=MemberRole.SUPPORT).user


def hold(endpoint: WebhookEndpoint, now: datetime) -> None:
    endpoint.held_at, endpoint.held_reason = now, "owner"
    endpoint.save()


def make_attempt(delivery: Delivery, now: datetime, number: int, **fields: Any) -> Attempt:
    return Attempt.objects.create(
        delivery=delivery,
        endpoint=delivery.endpoint,
        number=number,
        trigger="claim",
        started_at=now,
        **fields,
    )


def make_failed_test(endpoint: WebhookEndpoint, now: datetime) -> Delivery:
    return Delivery.objects.create(
        endpoint=endpoint, event_type="drops.test", body=b"{}", state=DeliveryState.FAILED, created_at=now
    )


def rows(client: Client, **query: str) -> dict[str, dict[str, str]]:
    """The list's cells by delivery id and column."""
    changelist = client.get(LIST, query).context["cl"]
    admin = changelist.model_admin
    return {
        delivery.pk: {
            "state": admin.status(delivery),
            "answer": admin.last_answer(delivery),
            "next": admin.next_attempt(delivery),
        }
        for delivery in changelist.result_list
    }


def test_the_list_its_filter_and_home_agree_on_what_is_held_and_what_failed(
    owner_client: Client, endpoint: WebhookEndpoint, studio: Organization, now: datetime
) -> None:
    held = factories.WebhookEndpointFactory(organization=studio)
    hold(held, now)
    kept_back = make_delivery(held, now - MINUTE)
    given_up = make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)
    waiting = make_delivery(endpoint, now + MINUTE)
    test = make_failed_test(endpoint, now)

    shown = rows(owner_client)
    for delivery, label, state in (
        (kept_back, "Needs you", "held"),
        (kept_back, "Held", "held"),
        (given_up, "Needs you", "failed"),
        (given_up, "Failed", "failed"),
        (waiting, "On its way", "on_its_way"),
        (waiting, "On its way", "waiting"),
        (test, "Failed test", "failed_test"),
    ):
        assert f">{label}<" in shown[delivery.pk]["state"]
        assert list(rows(owner_client, state=state)) == [delivery.pk]
    assert set(rows(owner_client, state="needs_you")) == {kept_back.pk, given_up.pk}
    figures = owner_client.get("/dashboard/").context["figures"]
    assert (figures.waiting, figures.held, figures.failed, figures.needs_you) == (1, 1, 1, 2)
    assert "<dt>Needs you</dt><dd>2</dd>" in words(owner_client.get("/dashboard/"))
    for each, on_its_way, needs_you in ((endpoint, 1, 1), (held, 0, 1)):
        page = words(owner_client.get(f"/dashboard/webhooks/{each.pk}/change/"))
        assert f"<dt>On its way</dt><dd>{on_its_way}</dd>" in page
        assert f"<dt>Needs you</dt><dd>{needs_you}</dd>" in page


def test_the_filter_offers_the_three_words_and_what_a_link_led_to(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)

    def offered(**query: str) -> dict[str, bool]:
        changelist = owner_client.get(LIST, query).context["cl"]
        choices = changelist.filter_specs[0].choices(changelist)
        return {choice["display"]: choice["selected"] for choice in choices}

    words_of_the_path = ["All", "On its way", "Delivered", "Needs you", "Failed test"]
    assert list(offered()) == words_of_the_path
    assert offered(state="failed") == dict.fromkeys(words_of_the_path, False) | {"Needs you: failed": True}
    assert list(offered(state="no such state")) == words_of_the_path


def test_home_and_the_endpoint_lead_to_the_deliveries_that_they_count(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    given_up = make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)
    make_failed_test(endpoint, now)
    for page, link in (
        ("/dashboard/", "?state=failed"),
        (
            f"/dashboard/webhooks/{endpoint.pk}/change/",
            f"?state=failed&amp;endpoint__id__exact={endpoint.pk}",
        ),
    ):
        assert link in words(owner_client.get(page))
        found = owner_client.get(LIST + link.replace("&amp;", "&")).context["cl"].result_list
        assert list(found) == [given_up]


def test_no_next_attempt_is_shown_where_there_will_be_none(
    owner_client: Client, studio: Organization, now: datetime
) -> None:
    past, soon = now - MINUTE, now + MINUTE
    expected = {}
    for fields, at, shown in (
        ({}, soon, f"{soon:%H:%M:%S} UTC"),
        ({}, past, "Now"),
        ({"breaker_open_until": soon}, past, f"{soon:%H:%M:%S} UTC"),
        ({"held_at": now, "held_reason": "owner"}, soon, "Once released"),
        ({"verified_at": None}, past, "Once verified"),
        ({"deleted_at": now}, past, "-"),
    ):
        endpoint = factories.WebhookEndpointFactory(organization=studio, **fields)
        expected[make_delivery(endpoint, now, next_attempt_at=at).pk] = shown
    under_way = make_delivery(
        factories.WebhookEndpointFactory(organization=studio),
        now,
        lease_token=factories.ClaimFactory().pk,
        leased_at=now,
    )
    expected[under_way.pk] = "Being sent"

    found = rows(owner_client)
    assert set(found) == set(expected)
    for pk, shown in expected.items():
        assert shown in found[pk]["next"]


def test_the_list_shows_the_last_answer(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    expected = {}
    for answers, shown in (
        ([{"status": 500, "error_class": "status"}, {"status": 200}], "200"),
        ([{"status": 200}, {"status": 503, "error_class": "status"}], "503"),
        ([{"error_class": "connect_timeout"}], "Connect timeout"),
        ([{"error_class": "dns"}], "DNS"),
        ([], "-"),
    ):
        delivery = make_delivery(endpoint, now, attempt_count=len(answers))
        for number, answer in enumerate(answers, start=1):
            make_attempt(delivery, now, number, **answer)
        expected[delivery.pk] = shown
    under_way = make_delivery(
        endpoint, now, attempt_count=2, lease_token=factories.ClaimFactory().pk, leased_at=now
    )
    make_attempt(under_way, now, 1, status=502, error_class="status")
    expected[under_way.pk] = "502"

    for pk, cells in rows(owner_client).items():
        assert expected.pop(pk) in cells["answer"]
    assert not expected


def test_the_list_is_filtered_by_the_last_answer(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    by_answer = {
        answer: make_delivery(endpoint, now, last_answer=answer).pk for answer in ("2xx", "5xx", "timeout")
    }
    make_delivery(endpoint, now)  # no attempt yet
    for answer, pk in by_answer.items():
        assert list(rows(owner_client, answer=answer)) == [pk]
    assert not rows(owner_client, answer="dns")
    assert len(rows(owner_client, answer="no such answer")) == 4


def test_the_list_is_filtered_by_time(owner_client: Client, endpoint: WebhookEndpoint, now: datetime) -> None:
    made = {}
    for ago in (timedelta(minutes=5), timedelta(hours=5), timedelta(days=5)):
        with time_machine.travel(now - ago, tick=False):  # an id tells when it was drawn
            made[ago] = make_delivery(endpoint, now - ago).pk
    of_minutes, of_hours, of_days = made.values()
    assert set(rows(owner_client, hours="1")) == {of_minutes}
    assert set(rows(owner_client, hours="24")) == {of_minutes, of_hours}
    between = {
        "since": f"{now - timedelta(days=6):%Y-%m-%dT%H:%M}",
        "until": f"{now - timedelta(hours=2):%Y-%m-%dT%H:%M}",
    }
    assert set(rows(owner_client, **between)) == {of_hours, of_days}
    assert set(rows(owner_client, since=between["until"])) == {of_minutes}
    for nonsense in ({"since": "yesterday"}, {"until": "99999-01-01T00:00"}, {"hours": "-1"}, {"since": ""}):
        assert len(rows(owner_client, **nonsense)) == 3
    assert not rows(owner_client, until="0001-01-01T00:00")
    page = words(owner_client.get(LIST, {**between, "answer": "5xx", "q": of_days[-8:]}))
    assert '<input type="hidden" name="answer" value="5xx">' in page  # the form of the time keeps the others
    assert f'name="since" value="{between["since"]}"' in page


def test_a_delivery_is_found_by_the_end_of_its_id_or_its_claims_and_by_its_viewer(
    owner_client: Client, endpoint: WebhookEndpoint, rival_studio: Organization, now: datetime
) -> None:
    delivery = make_delivery(endpoint, now)
    make_delivery(endpoint, now)
    theirs = make_delivery(factories.WebhookEndpointFactory(organization=rival_studio), now)
    claim = delivery.claim
    assert claim is not None
    for term in (
        delivery.pk,
        delivery.pk[-8:],
        delivery.pk[-8:].lower(),
        claim.pk[-8:],
        str(claim.viewer_id),
    ):
        assert list(rows(owner_client, q=f" {term} ")) == [delivery.pk]
    assert theirs.claim is not None
    for term in (
        theirs.pk[-8:],
        theirs.claim.pk[-8:],
        str(theirs.claim.viewer_id),
        delivery.pk[-7:],
        "U" * 8,
    ):
        assert not rows(owner_client, q=term)
    found = owner_client.get("/dashboard/claims/", {"q": claim.pk[-8:]}).context["cl"].result_list
    assert list(found) == [claim]


def test_a_number_of_eight_digits_is_a_user_unless_an_id_ends_in_it(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    delivery = make_delivery(endpoint, now)
    claim = delivery.claim
    assert claim is not None
    Claim.objects.filter(pk=claim.pk).update(viewer=factories.UserFactory(pk=12345678))
    assert list(rows(owner_client, q="12345678")) == [delivery.pk]
    other = make_delivery(endpoint, now, id=f"{delivery.pk[:-8]}12345678")
    assert list(rows(owner_client, q="12345678")) == [other.pk]


def test_a_short_id_is_whole_to_whoever_copies_it(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    pk = make_delivery(endpoint, now).pk
    shown = f'<code class="short-id" title="{pk}"><span>{pk[:-8]}</span>{pk[-8:]}</code>'
    assert shown in words(owner_client.get(LIST))
    assert pk in owner_client.get(f"{LIST}export.csv").getvalue().decode()


def test_a_test_is_told_apart_from_a_claim(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    make_delivery(endpoint, now)
    assert ">test<" not in words(owner_client.get(LIST))
    make_failed_test(endpoint, now)
    assert ">test<" in words(owner_client.get(LIST))


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


def test_a_file_of_the_list_has_no_boxes(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    make_delivery(endpoint, now)
    assert "Choose" not in owner_client.get(f"{LIST}export.csv").getvalue().decode()


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
