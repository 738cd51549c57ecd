"""All that has been earned is claimed at one press, and the viewer waits for no studio."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import GameLink, Organization, User
from drops.models import Campaign
from fulfillment.domain.claims.claiming_all import claim_all
from fulfillment.models import Claim, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.fulfillment.receiver import Receiver
from tests.html import assert_well_made, text_of

ALL = "/inventory/claim-all/"
PRESSED = {"HX-Request": "true", "HX-Target": "inventory"}


@pytest.fixture
def two_earned(viewer: User, campaign: Campaign, linked: GameLink) -> Campaign:
    """Rewards at 30 and 60 minutes are earned, the one at 120 is not."""
    for required, name in ((30, "Lantern"), (60, "Wings"), (120, "Comet")):
        factories.CampaignRewardFactory(campaign=campaign, required_minutes=required, reward__name=name)
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
    return campaign


def names() -> list[str]:
    return sorted(Claim.objects.values_list("reward__name", flat=True))


def test_claims_what_can_be_claimed_and_leaves_the_rest(
    viewer: User, two_earned: Campaign, rival_studio: Organization, now: datetime
):
    not_linked = factories.CampaignFactory(organization=rival_studio)
    factories.CampaignRewardFactory(campaign=not_linked, required_minutes=1)
    factories.ProgressFactory(viewer=viewer, campaign=not_linked, seconds=600)

    claims = claim_all(viewer=viewer, now=now)

    assert names() == ["Lantern", "Wings"]
    assert sorted(claim.reward.name for claim in claims) == names()
    assert claim_all(viewer=viewer, now=now + timedelta(seconds=1)) == []


def test_the_viewer_waits_for_no_server(
    viewer: User, two_earned: Campaign, endpoint: WebhookEndpoint, receiver: Receiver, now: datetime
):
    claim_all(viewer=viewer, now=now)
    assert receiver.received == []
    assert set(Delivery.objects.values_list("state", "lease_token")) == {(DeliveryState.PENDING, None)}


class TestPage:
    @pytest.fixture
    def client(self, client: Client, viewer: User, now: datetime) -> Client:
        client.force_login(viewer)
        return client

    def test_the_button_is_there_for_more_than_one(self, client: Client, two_earned: Campaign, now: datetime):
        with time_machine.travel(now, tick=False):
            response = client.get("/inventory/")
            assert "Claim all 2" in text_of(response)
            assert_well_made(response)
            two_earned.campaign_rewards.filter(required_minutes=30).delete()
            assert "Claim all" not in text_of(client.get("/inventory/"))

    def test_with_script_the_inventory_changes_in_place_and_says_it(
        self, client: Client, two_earned: Campaign, now: datetime
    ):
        with time_machine.travel(now, tick=False):
            response = client.post(ALL, headers=PRESSED)
        html = response.content.decode()
        assert "<html" not in html
        assert "Ready to claim" not in html
        assert html.count('tabindex="-1" autofocus') == 1
        assert json.loads(response.headers["HX-Trigger-After-Settle"]) == {
            "drops:said": {"text": "2 rewards claimed."}
        }

    def test_without_script_the_page_comes_again_and_says_it(
        self, client: Client, two_earned: Campaign, now: datetime
    ):
        with time_machine.travel(now, tick=False):
            response = client.post(ALL, follow=True)
            assert "2 rewards claimed." in text_of(response)
            assert "0 rewards claimed." in text_of(client.post(ALL, follow=True))
            assert client.get(ALL).headers["Location"] == "/inventory/"

    def test_is_for_those_who_are_signed_in(self, db: None):
        assert Client().post(ALL).headers["Location"] == f"/accounts/login/?next={ALL}"
