"""A list costs the same number of queries whatever its length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.dashboard import site
from accounts.models import (
    ApiCall,
    AuditEvent,
    Invitation,
    MemberRole,
    Membership,
    OAuthApp,
    Proposal,
    new_ulid,
)
from drops.models import Campaign, ChannelDay, NetworkDay, Reward, WatchHour
from fulfillment.models import ChatWebhook, Claim, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.factories import NOW
from tests.isolation.world import Belongings


def _delivery(own: Belongings) -> Delivery:
    return Delivery.objects.create(
        endpoint=factories.WebhookEndpointFactory(organization=own.organization),
        claim=_claim(own),
        event_type="drops.claim.created",
        body=b"{}",
        state=DeliveryState.DELIVERED,
        delivered_at=NOW,
        created_at=NOW,
    )


def _claim(own: Belongings) -> Claim:
    return factories.ClaimFactory(campaign=factories.CampaignFactory(organization=own.organization))


# One more row of each list, with new objects on the other end of each of its relations.
MORE: dict[type[Model], Callable[[Belongings], Any]] = {
    ApiCall: lambda own: ApiCall.objects.create(
        id=new_ulid(),
        app=factories.OAuthAppFactory(organization=own.organization),
        organization=own.organization,
        kind="app",
        status_class=2,
        status=200,
        milliseconds=7,
    ),
    AuditEvent: lambda own: AuditEvent.objects.create(
        at=NOW,
        organization=own.organization,
        actor=factories.UserFactory(),
        action="reward.created",
        target_type="drops.reward",
        target_id="1",
    ),
    Campaign: lambda own: factories.CampaignFactory(organization=own.organization),
    Claim: _claim,
    Delivery: _delivery,
    Invitation: lambda own: Invitation.objects.create(
        organization=own.organization,
        role=MemberRole.SUPPORT,
        invited=f"somebody{Invitation.objects.count()}",
        created_at=NOW,
        expires_at=NOW,
    ),
    Membership: lambda own: factories.MembershipFactory(organization=own.organization),
    OAuthApp: lambda own: factories.OAuthAppFactory(organization=own.organization),
    Proposal: lambda own: Proposal.objects.create(
        organization=own.organization,
        act="app.delete",
        target_type="accounts.oauthapp",
        target_id=factories.OAuthAppFactory(organization=own.organization).pk,
        target_name="App",
        asked_by=factories.UserFactory(),
        asked_at=NOW,
        expires_at=NOW,
    ),
    Reward: lambda own: factories.RewardFactory(organization=own.organization),
    ChatWebhook: lambda own: ChatWebhook.objects.create(
        organization=own.organization, encrypted_url=b"", name="Chat"
    ),
    WebhookEndpoint: lambda own: factories.WebhookEndpointFactory(organization=own.organization),
}

QUERIES = {
    "apps": 7,
    "audit-log": 8,
    "campaigns": 7,
    "chats": 6,
    "claims": 11,
    "deliveries": 10,
    "invitations": 6,
    "members": 6,
    "proposals": 6,
    "requests": 7,
    "rewards": 7,
    "webhooks": 6,
}


@pytest.mark.parametrize("admin", site.admins(), ids=lambda admin: admin.route)
def test_a_list_costs_the_same_with_more_rows(
    as_owner: Client, own: Belongings, django_assert_num_queries: DjangoAssertNumQueries, admin: Any
) -> None:
    url = admin.url("changelist")
    with django_assert_num_queries(QUERIES[admin.route]):
        before = as_owner.get(url).context["cl"].result_count
    MORE[admin.model](own)
    MORE[admin.model](own)
    with django_assert_num_queries(QUERIES[admin.route]):
        assert as_owner.get(url).context["cl"].result_count == before + 2


def test_home_costs_the_same_with_more_campaigns(
    as_owner: Client, own: Belongings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for campaigns in (1, 3):
        with django_assert_num_queries(15):
            assert len(as_owner.get("/dashboard/").context["campaigns"]) == campaigns
        factories.CampaignFactory.create_batch(2, organization=own.organization)


def test_an_overview_costs_the_same_with_more_rewards(
    as_owner: Client, own: Belongings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for rewards in (1, 3):
        with django_assert_num_queries(21):
            page = as_owner.get(f"/dashboard/campaigns/{own.campaign.pk}/overview/")
            assert len(page.context["rewards"]) == rewards
        factories.CampaignRewardFactory.create_batch(2, campaign=own.campaign)


def test_an_overview_costs_the_same_with_more_channels(
    as_owner: Client, own: Belongings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for channels in (1, 3):
        with django_assert_num_queries(21):
            page = as_owner.get(f"/dashboard/campaigns/{own.campaign.pk}/overview/")
            assert len(page.context["top_channels"]) == channels
        for channel in (factories.ChannelFactory(), factories.ChannelFactory()):
            WatchHour.objects.create(campaign=own.campaign, channel=channel, hour=NOW, seconds=60)
            ChannelDay.objects.create(channel=channel, day=NOW.date(), viewers=9)
            NetworkDay.objects.create(channel=channel, day=NOW.date(), viewers=9, network=1)
