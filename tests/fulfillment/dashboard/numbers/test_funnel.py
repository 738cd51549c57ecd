"""The page with the funnel of a campaign."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from drops.models import Campaign
from tests import factories
from tests.dashboard import words

pytestmark = pytest.mark.django_db


def address(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/numbers/"


def test_the_overview_leads_to_the_numbers(owner_client: Client, studio: Organization) -> None:
    campaign = factories.CampaignFactory(organization=studio)
    overview = owner_client.get(f"/dashboard/campaigns/{campaign.pk}/overview/")
    assert address(campaign) in overview.text
    page = owner_client.get(address(campaign))
    assert page.status_code == 200
    assert "Nobody has watched yet" in words(page)


def test_more_rewards_need_no_more_queries(
    owner_client: Client, studio: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = factories.CampaignFactory(organization=studio)
    owner_client.get(address(campaign))
    for _ in range(12):
        factories.CampaignRewardFactory(campaign=campaign)
    with django_assert_max_num_queries(12):
        owner_client.get(address(campaign))
