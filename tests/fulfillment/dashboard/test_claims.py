"""Claims, deliveries and viewers as an organization reads them."""

from __future__ import annotations

import csv
import re
from datetime import datetime, timedelta

import pytest
from django.test import Client

from accounts.models import MemberRole, Organization
from drops.models import Campaign, Reward
from fulfillment.models import Attempt, Claim, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.dashboard import press, sign_in, words
from tests.factories import NOW
from tests.fulfillment.delivering import make_claim, make_delivery


@pytest.fixture
def endpoint(studio: Organization) -> WebhookEndpoint:
    return factories.WebhookEndpointFactory(organization=studio, acknowledge_within_hours=2)


@pytest.fixture
def claim(campaign: Campaign, reward: Reward) -> Claim:
    return factories.ClaimFactory(campaign=campaign, reward=reward)


@pytest.fixture
def delivery(claim: Claim, endpoint: WebhookEndpoint) -> Delivery:
    """Failed once, with an answer that would be a script if it were not escaped."""
    delivery = Delivery.objects.create(
        endpoint=endpoint,
        claim=claim,
        event_type="drops.claim.created",
        body=b'{"claim_id":"x"}',
        state=DeliveryState.PENDING,
        next_attempt_at=NOW + timedelta(minutes=2),
        attempt_count=1,
        created_at=NOW,
    )
    Attempt.objects.create(
        delivery=delivery,
        endpoint=endpoint,
        number=1,
        trigger="claim",
        started_at=NOW,
        duration_ms=81,
        status=503,
        error_class="status",
        error="The answer was 503.",
        request_headers={"Kick-Event-Type": "drops.claim.created"},
        response_headers={"Server": "<script>alert(1)</script>"},
        response_body=b"<script>alert(2)</script>\xff\xfe",
    )
    return delivery


def test_a_claim_tells_its_story(owner_client: Client, claim: Claim, delivery: Delivery) -> None:
    page = words(owner_client.get(f"/dashboard/claims/{claim.pk}/change/"))
    assert "Claimed" in page
    assert "Attempt 1" in page
    assert "Next attempt at" in page
    assert f"{NOW:%H:%M:%S} UTC" in page


def test_a_delivery_shows_the_whole_exchange_and_runs_none_of_it(
    owner_client: Client, delivery: Delivery
) -> None:
    page = words(owner_client.get(f"/dashboard/deliveries/{delivery.pk}/change/"))
    for text in ("503", "81 ms", "Kick-Event-Type", "&lt;script&gt;alert(1)", "&lt;script&gt;alert(2)"):
        assert text in page
    assert "<script>alert" not in page
    assert "<details open><summary>Response body" in page


def test_what_a_server_that_took_the_claim_answered_is_folded(
    owner_client: Client, delivery: Delivery
) -> None:
    delivery.attempts.update(status=200, error_class="", error="")
    page = words(owner_client.get(f"/dashboard/deliveries/{delivery.pk}/change/"))
    assert "<details><summary>Response body" in page


def test_lists_are_filtered_and_searched(owner_client: Client, claim: Claim, delivery: Delivery) -> None:
    other = factories.ClaimFactory(campaign=factories.CampaignFactory(organization=claim.organization))
    assert owner_client.get("/dashboard/claims/").context["cl"].result_count == 2
    for query in ({"campaign__id__exact": claim.campaign_id}, {"q": claim.pk}, {"q": str(claim.viewer_id)}):
        page = owner_client.get("/dashboard/claims/", query)
        assert list(page.context["cl"].result_list) == [claim], query
    for query in ({"state": "waiting"}, {"q": claim.pk}):
        page = owner_client.get("/dashboard/deliveries/", query)
        assert list(page.context["cl"].result_list) == [delivery], query
    assert other.pk not in words(owner_client.get("/dashboard/claims/", {"q": claim.pk}))


@pytest.mark.parametrize(
    ("url", "filtered", "value", "takes"),
    [
        (
            "/dashboard/claims/",
            "status",
            "answered",
            "the ID of a claim (26 characters, or the last 8), or for a whole user ID",
        ),
        (
            "/dashboard/deliveries/",
            "state",
            "failed",
            "the ID of a delivery or a claim (26 characters, or the last 8)",
        ),
    ],
)
def test_a_search_for_what_is_no_id_says_what_it_takes(
    owner_client: Client, delivery: Delivery, url: str, filtered: str, value: str, takes: str
) -> None:
    assert takes in words(owner_client.get(url, {"q": delivery.pk[:12]}))
    assert "Try other words or filters" in words(owner_client.get(url, {filtered: value}))


@pytest.mark.parametrize(
    "query",
    [
        {"q": "nonsense"},
        {"q": "9" * 60},
        {"q": "a\0b"},
        {"p": "999"},
        {"p": "nonsense"},
        {"o": "9.-9"},
        {"campaign__id__exact": "nonsense"},
        {"status": "x" * 500},
        {"all": ""},
        {"_facets": "True"},
        {"e": "1"},
    ],
)
def test_addresses_typed_by_hand_never_break_a_list(
    owner_client: Client, claim: Claim, query: dict[str, str]
) -> None:
    assert owner_client.get("/dashboard/claims/", query, follow=True).status_code in (200, 400)


def test_what_was_never_acknowledged_comes_as_csv(
    owner_client: Client, delivery: Delivery, claim: Claim
) -> None:
    delivery.state, delivery.next_attempt_at = DeliveryState.DELIVERED, None
    delivery.delivered_at = NOW - timedelta(hours=3)
    delivery.save()
    answer = owner_client.get("/dashboard/claims/unacknowledged.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    _, row = csv.reader(answer.getvalue().decode().splitlines())
    assert row[0] == claim.pk


def test_the_csv_is_offered_where_claims_can_be_late(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    rival = factories.WebhookEndpointFactory(acknowledge_within_hours=2)
    assert "Not acknowledged (CSV)" in words(owner_client.get("/dashboard/claims/"))
    for field, value in (("acknowledge_within_hours", None), ("deleted_at", NOW)):
        row = WebhookEndpoint.objects.exclude(pk=rival.pk)
        row.update(**{field: value})
        assert "Not acknowledged (CSV)" not in words(owner_client.get("/dashboard/claims/"))
        row.update(acknowledge_within_hours=2)


def test_home_counts_deliveries_and_steps(
    owner_client: Client, delivery: Delivery, studio: Organization
) -> None:
    context = owner_client.get("/dashboard/").context
    assert context["figures"] == (1, 0, 0, NOW)
    assert [entry.campaign.name for entry in context["campaigns"]] == ["Storm season"]
    done = {step.name for step in context["steps"] if step.done}
    assert {"endpoint", "reward", "campaign", "publish"} <= done
    assert "app" not in done


def test_where_a_claim_stands_is_read_in_every_place_and_filtered_by(
    owner_client: Client, endpoint: WebhookEndpoint, studio: Organization, now: datetime
) -> None:
    held = factories.WebhookEndpointFactory(organization=studio, held_at=now, held_reason="owner")
    arrived = {"state": DeliveryState.DELIVERED, "next_attempt_at": None, "delivered_at": now}
    given_up = {"state": DeliveryState.FAILED, "next_attempt_at": None}
    for claim, label, value in (
        (make_delivery(endpoint, now, **arrived).claim, "Delivered", "delivered"),
        (make_delivery(endpoint, now).claim, "On its way", "on_its_way"),
        (make_delivery(held, now).claim, "Held", "held"),
        (make_delivery(endpoint, now, **given_up).claim, "Failed", "failed"),
        (make_claim(studio, now), "Not sent", None),
    ):
        assert claim is not None
        changelist = owner_client.get("/dashboard/claims/", {"delivery": value or ""}).context["cl"]
        assert list(changelist.result_list) == [claim] or value is None
        (row,) = [row for row in changelist.result_list if row == claim]
        assert f">{label}<" in changelist.model_admin.delivery(row)
        for page in (
            f"/dashboard/claims/{claim.pk}/change/",
            f"/dashboard/viewers/?user_id={claim.viewer_id}",
        ):
            assert re.search(f">{label}</span></(dd|td)>", words(owner_client.get(page))), (label, page)
    changelist = owner_client.get("/dashboard/claims/", {"delivery": "needs_you"}).context["cl"]
    shown = [changelist.model_admin.delivery(claim) for claim in changelist.result_list]
    assert len(shown) == 2
    assert all(">Needs you<" in each for each in shown)


def test_a_claim_that_was_never_sent_says_so_and_is_sent_from_its_page(
    owner_client: Client, claim: Claim, endpoint: WebhookEndpoint
) -> None:
    url = f"/dashboard/claims/{claim.pk}/"
    assert "Not sent.</strong>" in words(owner_client.get(f"{url}change/"))
    page = words(press(owner_client, f"{url}resend/"))
    assert f"1 claim is on its way to {endpoint}." in page
    assert "Not sent.</strong>" not in page


def test_a_claim_is_sent_again_from_its_page(
    owner_client: Client, delivery: Delivery, claim: Claim, endpoint: WebhookEndpoint, now: datetime
) -> None:
    page = words(owner_client.get(f"/dashboard/claims/{claim.pk}/change/"))
    assert f"/dashboard/claims/{claim.pk}/resend/" in page
    page = words(press(owner_client, f"/dashboard/claims/{claim.pk}/resend/"))
    assert f"1 claim is on its way to {endpoint}." in page
    delivery.refresh_from_db()
    assert delivery.next_attempt_at == now

    WebhookEndpoint.objects.update(held_at=now, held_reason="owner")
    page = words(press(owner_client, f"/dashboard/claims/{claim.pk}/resend/"))
    assert f"1 claim waits for {endpoint}. The endpoint is held." in page
    WebhookEndpoint.objects.update(deleted_at=now)
    page = words(press(owner_client, f"/dashboard/claims/{claim.pk}/resend/"))
    assert "There is no endpoint to send the claim to" in page


def test_a_member_who_looks_sends_nothing_again(
    client: Client, studio: Organization, delivery: Delivery, claim: Claim
) -> None:
    membership = factories.MembershipFactory(organization=studio, role=MemberRole.MEMBER)
    sign_in(client, membership.user)
    url = f"/dashboard/claims/{claim.pk}/resend/"
    assert url not in words(client.get(f"/dashboard/claims/{claim.pk}/change/"))
    assert press(client, url).status_code == 403
    delivery.refresh_from_db()
    assert delivery.next_attempt_at != NOW
