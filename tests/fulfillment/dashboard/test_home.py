"""The first page of the dashboard: is everything all right?"""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from django.test import Client

from accounts.models import MemberRole, Organization
from drops.models import Campaign, Reward, WatchHour
from fulfillment.domain.claims import reading
from fulfillment.domain.claims.reading import Recent, recent_claims
from fulfillment.models import Claim, DeliveryState
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW
from tests.fulfillment.delivering import make_delivery

HOUR = timedelta(hours=1)


def test_without_trouble_everything_is_all_right(owner_client: Client, studio: Organization) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    page = words(owner_client.get("/dashboard/"))
    assert "Everything is all right.</strong> Nobody has claimed anything" in page
    make_delivery(endpoint, NOW, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=NOW)
    make_delivery(endpoint, NOW)
    page = words(owner_client.get("/dashboard/"))
    assert "Of 2 claims in the last 24 hours 1 have been delivered." in page


def test_the_worst_comes_first_with_its_button(owner_client: Client, studio: Organization) -> None:
    unverified, failing, held, working = factories.WebhookEndpointFactory.create_batch(4, organization=studio)
    for endpoint, changes in (
        (unverified, {"verified_at": None}),
        (failing, {"failing_since": NOW - HOUR}),
        (held, {"held_at": NOW - HOUR, "held_reason": "owner"}),
    ):
        type(endpoint).objects.filter(pk=endpoint.pk).update(**changes)

    def told() -> list[str]:
        context = owner_client.get("/dashboard/").context
        return [trouble.title for trouble in (context["worst"], *context["others"])]

    of_endpoints = [
        f"{held} is held",
        f"{failing} has been failing since 20 Nov 2026, 11:00 UTC.",
        f"{unverified} is not verified.",
    ]
    assert told() == of_endpoints
    make_delivery(working, NOW, state=DeliveryState.FAILED, next_attempt_at=None)
    assert told() == ["1 delivery has failed.", *of_endpoints]
    page = words(owner_client.get("/dashboard/"))
    assert "and 3 more" in page
    assert 'href="/dashboard/deliveries/?state=failed"' in page
    assert "Everything is all right" not in page


def test_whoever_sees_no_endpoints_is_told_of_none(client: Client, studio: Organization) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=studio, held_at=NOW, held_reason="owner")
    make_delivery(endpoint, NOW, state=DeliveryState.FAILED, next_attempt_at=None)
    sign_in(client, factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user)
    page = words(client.get("/dashboard/"))
    assert "1 delivery has failed." in page
    assert str(endpoint) not in page
    assert "/dashboard/deliveries/" not in page


def test_campaigns_tell_their_last_day(
    owner_client: Client, studio: Organization, campaign: Campaign, reward: Reward
) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    channel = factories.ChannelFactory()
    for hours, viewers in ((2, 5), (30, 7)):
        WatchHour.objects.create(
            campaign=campaign, channel=channel, hour=NOW - hours * HOUR, seconds=600, new_viewers=viewers
        )
    for changes in ({"delivered_at": NOW, "state": DeliveryState.DELIVERED, "next_attempt_at": None}, {}, {}):
        delivery = make_delivery(endpoint, NOW, **changes)
        Claim.objects.filter(pk=delivery.claim_id).update(campaign=campaign)
    (row,) = [row for row in owner_client.get("/dashboard/").context["campaigns"] if row.campaign == campaign]
    assert (row.new_viewers, row.recent, row.delivered_percent) == (5, Recent(3, 1), 33)


def test_claims_of_before_and_of_test_mode_are_not_recent(studio: Organization, campaign: Campaign) -> None:
    since = NOW - 24 * HOUR
    factories.ClaimFactory(campaign=campaign, id="00000000000000000000000000")
    new, test, rival = (factories.ClaimFactory(campaign=campaign) for _ in range(3))
    Claim.objects.filter(pk=test.pk).update(test=True)
    Claim.objects.filter(pk=rival.pk).update(organization=factories.OrganizationFactory())
    assert recent_claims(organization_id=studio.pk, since=since) == {campaign.pk: Recent(1, 0)}
    newest = factories.ClaimFactory(campaign=factories.CampaignFactory(organization=studio))
    with patch.object(reading, "MOST_RECENT", 1):
        assert list(recent_claims(organization_id=studio.pk, since=since)) == [newest.campaign_id]
    assert new.pk < newest.pk


def test_drafts_tell_what_they_lack(owner_client: Client, studio: Organization) -> None:
    lacking = factories.CampaignFactory(organization=studio, name="Bare", published_at=None)
    whole = factories.CampaignFactory(organization=studio, name="Whole", published_at=None)
    factories.CampaignRewardFactory(campaign=whole)
    factories.OAuthAppFactory(organization=studio)
    context = owner_client.get("/dashboard/").context
    drafts = {draft.name: [problem.code for problem in problems] for draft, problems in context["drafts"]}
    assert drafts == {"Bare": ["no_rewards"], "Whole": []}
    page = words(owner_client.get("/dashboard/"))
    assert f"/dashboard/campaigns/{lacking.pk}/checklist/" in page
    assert "Attach at least one reward." in page
