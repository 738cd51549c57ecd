"""Webhook endpoints: added, tested, held, released, changed and deleted by their owners."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import MemberRole, Organization, User
from fulfillment.domain.delivery import endpoints, resending
from fulfillment.domain.delivery.exchanges import readable
from fulfillment.models import Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.dashboard import press, send_form, sign_in, words
from tests.factories import NOW
from tests.fulfillment.receiver import Receiver
from tests.isolation.pages import addresses
from tests.isolation.world import Belongings


@pytest.fixture
def endpoint(studio: Organization, receiver: Receiver) -> WebhookEndpoint:
    return factories.WebhookEndpointFactory(organization=studio, url=receiver.url, verified_at=None)


def test_an_endpoint_is_added_and_has_to_be_verified(
    owner_client: Client, studio: Organization, receiver: Receiver
) -> None:
    page = send_form(owner_client, "/dashboard/webhooks/add/", url=receiver.url)
    assert "Not verified" in words(page)
    assert studio.webhook_endpoints.get().url == receiver.url


def test_an_endpoint_chooses_its_events(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    url = f"/dashboard/webhooks/{endpoint.pk}/change/"
    asked = ["drops.claim.created", "drops.campaign.started", "drops.campaign.closed"]
    send_form(owner_client, url, events=asked)
    endpoint.refresh_from_db()
    assert endpoint.events == asked
    drawn = owner_client.get(url).context["adminform"].form
    assert drawn["events"].value() == asked
    send_form(owner_client, url, acknowledge_within_hours="5")
    endpoint.refresh_from_db()
    assert endpoint.events == asked
    page = send_form(owner_client, url, events=[])
    assert page.context["adminform"].form.errors == {"events": ["Choose at least one event."]}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://studio.example.com",
        "https://169.254.169.254/",
        "https://user:pw@studio.example.com/",
        "https://" + "a" * 600,
    ],
)
def test_addresses_that_are_not_allowed_are_refused(owner_client: Client, url: str) -> None:
    page = send_form(owner_client, "/dashboard/webhooks/add/", url=url)
    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == ["url"], url
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("url", ["nonsense", "https://", "https://a b.example.com/"])
def test_what_is_no_url_gets_an_example_of_one(owner_client: Client, url: str) -> None:
    page = send_form(owner_client, "/dashboard/webhooks/add/", url=url)
    assert page.context["adminform"].form.errors == {
        "url": ["This is not a URL. Enter one such as https://hooks.example.com/drops."]
    }


@pytest.mark.parametrize(
    ("hours", "accepted"),
    [("", True), ("1", True), ("720", True), ("0", False), ("721", False), ("-1", False), ("soon", False)],
)
def test_hours_out_of_range_are_refused_with_the_range(
    owner_client: Client, endpoint: WebhookEndpoint, hours: str, accepted: bool
) -> None:
    url = f"/dashboard/webhooks/{endpoint.pk}/change/"
    drawn = words(owner_client.get(url))
    assert 'min="1" max="720"' in drawn
    assert "1 to 720 hours" in drawn
    page = send_form(owner_client, url, acknowledge_within_hours=hours)
    refused = "Enter a whole number of hours, 1 to 720, or leave the field empty." in words(page)
    assert refused is not accepted
    if accepted:
        endpoint.refresh_from_db()
        assert endpoint.acknowledge_within_hours == (int(hours) if hours else None)


def test_the_same_address_twice_is_refused_in_words(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    page = send_form(owner_client, "/dashboard/webhooks/add/", url=endpoint.url)
    assert "An endpoint with this URL already exists" in words(page)


@pytest.mark.parametrize("role", [MemberRole.OWNER, MemberRole.MEMBER])
def test_the_query_of_a_url_stands_in_the_owners_form_alone(
    client: Client, db: None, signing_key: Any, now: datetime, role: MemberRole
) -> None:
    own = Belongings("own")
    endpoints.change_endpoint(
        endpoint=own.endpoint, url=own.endpoint.url + "?key=s3cret", actor=own.owner, now=now
    )
    membership = factories.MembershipFactory(organization=own.organization, role=role)
    sign_in(client, membership.user)
    form = f"/dashboard/webhooks/{own.endpoint.pk}/change/"
    shown = set()
    for address in addresses():
        answer = client.get(address.of(own), follow=True)
        if b"s3cret" in answer.getvalue():
            shown.add(answer.request["PATH_INFO"])
    assert shown == ({form} if role is MemberRole.OWNER else set())
    page = words(client.get(form))
    assert page.count("s3cret") == 2 * (role is MemberRole.OWNER)  # the field, and what it was drawn with
    assert str(own.endpoint) in page


def test_a_test_event_shows_the_exchange_and_verifies(
    owner_client: Client, endpoint: WebhookEndpoint, receiver: Receiver, signing_key: Any
) -> None:
    page = words(press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/test/"))
    assert "The test event arrived" in page
    assert "Kick-Event-Signature" in page
    assert '<pre class="code dash-bytes"' in page
    assert "&quot;claim_id&quot;" in page
    assert len(receiver.received) == 1
    endpoint.refresh_from_db()
    assert endpoint.verified_at is not None


def test_a_test_that_fails_says_why(
    owner_client: Client, endpoint: WebhookEndpoint, receiver: Receiver, signing_key: Any
) -> None:
    receiver.answers(500)
    page = words(press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/test/"))
    assert "Your server answered 500.</strong> The test event arrived" in page
    assert "not arrive" not in page
    endpoint.refresh_from_db()
    assert endpoint.verified_at is None


def test_tests_are_limited_in_words(
    owner_client: Client, endpoint: WebhookEndpoint, receiver: Receiver, signing_key: Any
) -> None:
    for _ in range(6):
        press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/test/")
    assert "test events can be sent in a minute" in words(
        press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/test/")
    )
    assert len(receiver.received) == 6


def test_without_a_signing_key_the_page_says_so(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    assert "no signing key yet" in words(owner_client.get(f"/dashboard/webhooks/{endpoint.pk}/change/"))
    assert "No answer.</strong> There is no signing key." in words(
        press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/test/")
    )


def test_holding_and_releasing(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    assert "was held" in words(press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/hold/"))
    assert "Claims wait and nothing is lost" in words(owner_client.get("/dashboard/"))
    page = words(press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/release/"))
    assert "was released. 0 deliveries wait until the endpoint has answered a test event" in page
    endpoint.refresh_from_db()
    assert endpoint.held_at is None


def test_a_deleted_endpoint_leaves_the_list(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    page = press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/delete/")
    assert list(page.context["cl"].result_list) == []
    endpoint.refresh_from_db()
    assert endpoint.deleted_at is not None


def test_claims_are_counted_before_they_are_sent_again(
    owner_client: Client, studio: Organization, endpoint: WebhookEndpoint
) -> None:
    campaign = factories.CampaignFactory(organization=studio)
    factories.ClaimFactory.create_batch(3, campaign=campaign)
    factories.ClaimFactory()
    url = f"/dashboard/webhooks/{endpoint.pk}/resend/"
    assert "The claims wait until" in words(owner_client.get(url))
    fields = {"arrival": "never_sent", "campaign": campaign.pk}
    assert "3 claims</strong> would be sent" in words(send_form(owner_client, url, **fields))
    assert not Delivery.objects.exists()
    assert "3 claims wait for" in words(send_form(owner_client, url, **fields, send="1"))
    assert Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING).count() == 3


def test_of_too_many_claims_the_oldest_are_offered_to_begin_with(
    owner_client: Client,
    studio: Organization,
    endpoint: WebhookEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resending, "MOST_AT_ONCE", 2)
    campaign = factories.CampaignFactory(organization=studio)
    for minute in (0, 1, 2):
        factories.ClaimFactory(campaign=campaign, created_at=NOW + timedelta(minutes=minute))
    url, fields = f"/dashboard/webhooks/{endpoint.pk}/resend/", {"arrival": "never_sent"}

    page = words(send_form(owner_client, url, **fields))
    assert "<strong>3 claims</strong> match, and at most 2 are sent at once." in page
    assert "Begin with the oldest" in page
    assert 'name="send"' not in page
    (until,) = re.findall(
        r'name="until" value="([^"]+)"><span>Count those before <time [^>]+>20 Nov 2026, 12:02 UTC', page
    )
    page = words(send_form(owner_client, url, **fields, until=until))
    assert "2 claims</strong> would be sent" in page
    assert 'name="send" value="1">Send 2 claims' in page
    send_form(owner_client, url, **fields, until=until, send="1")
    assert Delivery.objects.count() == 2


def test_campaigns_to_choose_from_are_told_apart_by_their_days_and_drafts_are_left_out(
    owner_client: Client, endpoint: WebhookEndpoint
) -> None:
    studio = endpoint.organization
    for day in (1, 2):
        factories.CampaignFactory(
            organization=studio,
            name="Dust launch",
            starts_at=datetime(2026, 3, day, tzinfo=UTC),
            ends_at=datetime(2026, 4, day, tzinfo=UTC),
        )
    factories.CampaignFactory(organization=studio, name="Only a draft", published_at=None)
    page = words(owner_client.get(f"/dashboard/webhooks/{endpoint.pk}/resend/"))
    assert "Dust launch (1 Mar 2026 to 1 Apr 2026)" in page
    assert "Dust launch (2 Mar 2026 to 2 Apr 2026)" in page
    assert "Only a draft" not in page


def test_claims_of_one_viewer_in_one_status_are_sent_again(
    owner_client: Client, studio: Organization, endpoint: WebhookEndpoint, viewer: User
) -> None:
    campaign = factories.CampaignFactory(organization=studio)
    wanted = factories.ClaimFactory(campaign=campaign, viewer=viewer, external_status="failed")
    factories.ClaimFactory(campaign=campaign, viewer=viewer)
    factories.ClaimFactory(campaign=campaign, external_status="failed")
    url = f"/dashboard/webhooks/{endpoint.pk}/resend/"
    send_form(owner_client, url, arrival="any", viewer=viewer.pk, external_status="failed", send="1")
    assert Delivery.objects.get().claim == wanted


def test_the_page_names_every_event_there_is(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    page = words(owner_client.get(f"/dashboard/webhooks/{endpoint.pk}/change/"))
    assert "<dt><code>drops.claim.created</code></dt>" in page
    assert "<dt><code>drops.test</code></dt>" in page


def test_a_member_is_told_to_ask_an_owner(client: Client, member: User, endpoint: WebhookEndpoint) -> None:
    sign_in(client, member)
    for name in ("resend", "hold"):
        page = client.get(f"/dashboard/webhooks/{endpoint.pk}/{name}/")
        assert page.status_code == 403
        assert "Your role does not allow this. Ask an owner of your organization." in words(page)
        assert 'class="button" href="/dashboard/"' in words(page)


def test_no_bar_stays_over_an_endpoint_as_it_does_over_a_form(
    owner_client: Client, endpoint: WebhookEndpoint
) -> None:
    page = words(owner_client.get(f"/dashboard/webhooks/{endpoint.pk}/change/"))
    assert '<div class="form-actions"> <button class="button" type="submit">Save' in page
    assert '<div class="form-actions dash-save">' in words(owner_client.get("/dashboard/rewards/add/"))


def test_a_filter_that_is_wrong_sends_nothing(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    url = f"/dashboard/webhooks/{endpoint.pk}/resend/"
    foreign = factories.CampaignFactory()
    for field, value in (
        ("arrival", "nonsense"),
        ("campaign", foreign.pk),
        ("campaign", "nonsense"),
        ("since", "yesterday"),
        ("until", "9" * 40),
        ("viewer", "0"),
        ("viewer", "9" * 40),
        ("external_status", "x" * 65),
    ):
        page = send_form(owner_client, url, **{"arrival": "any", field: value, "send": "1"})
        assert list(page.context["form"].errors) == [field]
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("depth", [1, 300, 5000])
def test_an_answer_nested_however_deep_is_shown(depth):
    body = b"[" * depth + b"]" * depth
    assert readable(body).replace("\n", "").replace(" ", "") == body.decode()
