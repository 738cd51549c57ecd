"""The list of deliveries: what it shows of each, its filters, and what it finds."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import Organization
from fulfillment.models import Claim, DeliveryState, WebhookEndpoint
from tests import factories
from tests.dashboard import words
from tests.fulfillment.dashboard.deliveries import LIST, MINUTE, hold, make_attempt, make_failed_test
from tests.fulfillment.delivering import make_delivery


@pytest.fixture
def endpoint(studio: Organization) -> WebhookEndpoint:
    return factories.WebhookEndpointFactory(organization=studio)


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


def test_a_file_of_the_list_has_no_boxes(
    owner_client: Client, endpoint: WebhookEndpoint, now: datetime
) -> None:
    make_delivery(endpoint, now)
    assert "Choose" not in owner_client.get(f"{LIST}export.csv").getvalue().decode()
