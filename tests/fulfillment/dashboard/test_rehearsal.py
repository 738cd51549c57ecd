"""The page of a rehearsal: one click starts it, and each step says what came of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.models import MemberRole, Organization, User
from drops.models import Campaign, CampaignReward
from fulfillment.domain.rehearsals import starting
from fulfillment.domain.rehearsals.running import go_on_with_all
from fulfillment.models import Claim, Rehearsal, WebhookEndpoint
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW
from tests.fulfillment.receiver import Receiver, Reply

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(studio: Organization, attached: CampaignReward) -> Campaign:
    Campaign.objects.filter(pk=attached.campaign_id).update(test_mode=True)
    return Campaign.objects.get(pk=attached.campaign_id)


@pytest.fixture
def attached(studio: Organization) -> CampaignReward:
    return factories.CampaignRewardFactory(campaign__organization=studio, required_minutes=60)


def url_of(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/rehearsal/"


def press(client: Client, campaign: Campaign, **fields: str):
    return client.post(url_of(campaign), {FORM_FIELD: campaign.organization_id} | fields, follow=True)


def test_one_click_shows_each_step_with_what_the_server_answered(
    owner_client: Client, owner: User, campaign: Campaign, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    factories.GameLinkFactory(viewer=owner, organization=campaign.organization)
    overview = words(owner_client.get(f"/dashboard/campaigns/{campaign.pk}/overview/"))
    assert f'<form method="post" action="{url_of(campaign)}">' in overview
    receiver.answers(Reply(503, body=b"out of wings"))
    page = words(press(owner_client, campaign))
    for text in (
        "60 minutes were granted.",
        "The game account is connected.",
        "The reward was claimed.",
        "Your server did not accept the claim.",
        "Read the answer below, correct your server",
        "out of wings",
        "503",
    ):
        assert text in page
    assert "hx-get" not in page.split('id="rehearsal-now"')[1].split(">")[0]
    receiver.answers(200)
    page = words(press(owner_client, campaign))
    assert "Your server has the claim." in page
    assert "The last runs" in page


def test_the_page_follows_a_run_that_waits_for_the_game_account(
    owner_client: Client, owner: User, campaign: Campaign, endpoint: WebhookEndpoint
) -> None:
    page = words(press(owner_client, campaign))
    run = Rehearsal.objects.get()
    own = f"{url_of(campaign)}?run={run.pk}"
    assert f'hx-get="{own}"' in page
    assert "https://studio.example.com/connect?return_to=" in page
    factories.GameLinkFactory(viewer=owner, organization=campaign.organization)
    go_on_with_all(clock=lambda: NOW + timedelta(seconds=2))
    part = owner_client.get(own, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert "Your server has the claim." in part
    assert "hx-get" not in part


def test_a_stand_in_is_a_choice_of_those_who_are_not_connected(
    owner_client: Client, owner: User, campaign: Campaign, endpoint: WebhookEndpoint
) -> None:
    assert "stand_in" in owner_client.get(url_of(campaign)).content.decode()
    assert "Left out: the rehearsal goes on" in words(press(owner_client, campaign, stand_in="on"))
    factories.GameLinkFactory(viewer=owner, organization=campaign.organization)
    assert 'name="stand_in"' not in owner_client.get(url_of(campaign)).content.decode()


def test_a_second_endpoint_alone(
    owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    second = factories.WebhookEndpointFactory(
        organization=campaign.organization, url=f"{receiver.url}/second"
    )
    press(owner_client, campaign, stand_in="on", endpoint=second.pk)
    assert [each.path for each in receiver.received] == [receiver.received[0].path]
    assert receiver.received[0].path.endswith("/second")


@pytest.mark.parametrize(
    "fields",
    [{"endpoint": "x"}, {"reward": "x"}, {"endpoint": "01K0TDDR08Q5ZNWXK92VRXD7GW"}, {"run": "\x00"}],
)
def test_bad_input_starts_nothing_that_was_not_asked_for(
    owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint, fields: dict[str, str]
) -> None:
    factories.WebhookEndpointFactory(organization=campaign.organization)
    factories.CampaignRewardFactory(campaign=campaign)
    assert press(owner_client, campaign, **fields).status_code == 200
    assert owner_client.get(url_of(campaign), fields).status_code == 200
    assert Rehearsal.objects.count() == ("run" in fields)


def test_a_refusal_is_said(owner_client: Client, campaign: Campaign) -> None:
    Campaign.objects.update(test_mode=False)
    assert "Only a campaign in test mode can be rehearsed." in words(press(owner_client, campaign))
    assert not Rehearsal.objects.exists()


@pytest.mark.parametrize(("role", "starts"), [("support", False), ("manager", True), ("developer", True)])
def test_a_role_sees_what_it_may(
    client: Client,
    owner: User,
    campaign: Campaign,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    role,
    starts,
) -> None:
    receiver.answers(Reply(500, body=b"zzanswer"))
    person = factories.MembershipFactory(organization=campaign.organization, role=MemberRole(role)).user
    with time_machine.travel(NOW, tick=False):
        starting.start_rehearsal(campaign=campaign, viewer=owner, actor=owner, now=NOW, stand_in=True)
        go_on_with_all(clock=lambda: NOW)
        page = words(sign_in(client, person).get(url_of(campaign)))
    assert "Your server did not accept the claim." in page
    assert ("Rehearse again" in page) is starts
    assert owner.username not in page
    assert ("zzanswer" in page) is (role == "developer")
    assert (Claim.objects.get().pk in page) is (role in ("support", "developer"))


def test_the_page_costs_the_same_with_more_runs(
    owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint, django_assert_num_queries
) -> None:
    reward = campaign.campaign_rewards.get().reward
    for runs in (1, 3):
        factories.RehearsalFactory.create_batch(
            runs - Rehearsal.objects.count(), campaign=campaign, reward=reward, delivered_to=endpoint
        )
        with django_assert_num_queries(13):
            assert len(owner_client.get(url_of(campaign)).context["runs"]) == runs
