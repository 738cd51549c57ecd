"""Filters by objects of one's own: the newest of them, told apart."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client

from accounts.dashboard.kit.scoping import OwnRelatedFilter
from accounts.models import Organization
from tests import factories
from tests.dashboard import words
from tests.factories import NOW

CLAIMS = "/dashboard/claims/"


def campaigns_offered(client: Client, **asked: str) -> list[str]:
    page = client.get(CLAIMS, asked)
    (by_campaign,) = [spec for spec in page.context["cl"].filter_specs if spec.title == "campaign"]
    return [name for _, name in by_campaign.lookup_choices]


def test_a_filter_offers_the_newest_and_the_one_that_is_chosen(
    owner_client: Client, studio: Organization
) -> None:
    made = [
        factories.CampaignFactory(organization=studio, name=f"Cup {number}")
        for number in range(OwnRelatedFilter.MOST + 2)
    ]
    newest = [campaign.name for campaign in reversed(made[2:])]

    assert campaigns_offered(owner_client) == newest
    assert campaigns_offered(owner_client, campaign__id__exact=made[0].pk) == [*newest, "Cup 0"]
    page = words(owner_client.get(CLAIMS))
    assert 'href="/dashboard/campaigns/">Another campaign: choose it from its list' in page
    overview = words(owner_client.get(f"/dashboard/campaigns/{made[0].pk}/overview/"))
    assert f'href="/dashboard/claims/?campaign__id__exact={made[0].pk}"' in overview


def test_where_all_are_offered_nothing_leads_elsewhere(owner_client: Client, studio: Organization) -> None:
    factories.CampaignFactory(organization=studio)
    assert "choose it from its list" not in words(owner_client.get(CLAIMS))


def test_of_campaigns_with_one_name_a_filter_says_the_days(
    owner_client: Client, studio: Organization
) -> None:
    for days in (0, 10):
        factories.CampaignFactory(
            organization=studio,
            name="Dust launch",
            starts_at=NOW + timedelta(days=days),
            ends_at=NOW + timedelta(days=days + 2),
        )
    factories.CampaignFactory(organization=studio, name="Winter cup")
    assert campaigns_offered(owner_client) == [
        "Winter cup",
        "Dust launch (30 Nov 2026 to 2 Dec 2026)",
        "Dust launch (20 Nov 2026 to 22 Nov 2026)",
    ]


def test_a_campaign_of_another_organization_is_never_offered(
    owner_client: Client, studio: Organization, rival_studio: Organization
) -> None:
    foreign = factories.CampaignFactory(organization=rival_studio)
    factories.CampaignFactory.create_batch(OwnRelatedFilter.MOST + 1, organization=studio)
    assert foreign.name not in campaigns_offered(owner_client, campaign__id__exact=foreign.pk)
