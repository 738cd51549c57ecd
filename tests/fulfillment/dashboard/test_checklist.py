"""The checklist as the roles of an organization see it."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import MemberRole, Organization
from drops.models import Campaign
from tests import factories
from tests.dashboard import sign_in, words


def url(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/checklist/"


@pytest.fixture
def draft(campaign: Campaign, studio: Organization) -> Campaign:
    Campaign.objects.update(published_at=None)
    Organization.objects.update(connect_url="")
    return campaign


def test_each_line_leads_to_the_page_that_mends_it(owner_client: Client, draft: Campaign) -> None:
    assert url(draft) in words(owner_client.get(f"/dashboard/campaigns/{draft.pk}/overview/"))
    page = words(owner_client.get(url(draft)))
    for link in ("settings/", "apps/add/", "webhooks/add/", f"campaigns/{draft.pk}/change/"):
        assert f'href="/dashboard/{link}"' in page
    assert "Blocks" in page
    assert "Attach at least one reward." in page


def test_a_manager_reads_what_blocks_without_the_pages_of_others(
    client: Client, draft: Campaign, studio: Organization
) -> None:
    endpoint = factories.WebhookEndpointFactory(
        organization=studio, url="https://hooks.studio.example/secret-path"
    )
    membership = factories.MembershipFactory(organization=studio, role=MemberRole.MANAGER)
    sign_in(client, membership.user)
    page = words(client.get(url(draft)))
    assert "Create an OAuth app." in page
    assert "Your role does not see them." in page
    for hidden in ("secret-path", "/dashboard/apps/add/", "/dashboard/settings/", f"/webhooks/{endpoint.pk}"):
        assert hidden not in page


def test_the_checklist_of_a_rival_is_not_found(owner_client: Client, rival_studio: Organization) -> None:
    campaign = factories.CampaignFactory(organization=rival_studio)
    assert owner_client.get(url(campaign)).status_code == 404


@pytest.mark.parametrize("count", [1, 5])
def test_the_checklist_costs_the_same_with_more_rewards_and_channels(
    owner_client: Client, draft: Campaign, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _ in range(count):
        factories.CampaignRewardFactory(campaign=draft)
        factories.AllowedChannelFactory(campaign=draft)
    with django_assert_num_queries(14):
        owner_client.get(url(draft))
