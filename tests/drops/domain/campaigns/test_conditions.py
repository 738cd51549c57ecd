"""What a campaign needed to be published stays until it closes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from accounts.domain import apps, organizations
from accounts.models import OAuthApp, Organization, User
from drops.domain.campaigns import lifecycle
from drops.models import Campaign
from tests import factories
from tests.dashboard import press, send_form, words
from tests.factories import NOW


def empty_connection_page(organization: Organization, actor: User) -> None:
    organizations.change_organization(organization=organization, connect_url="", now=NOW, actor=actor)


@pytest.mark.parametrize(
    ("changes", "needs_it"),
    [
        ({}, True),
        ({"starts_at": NOW + timedelta(days=1), "announces_at": NOW + timedelta(hours=1)}, True),
        ({"ends_at": NOW - timedelta(hours=1)}, True),  # claims are open
        ({"withdrawn_at": NOW - timedelta(hours=1)}, True),
        ({"ends_at": NOW - timedelta(hours=2), "closes_at": NOW - timedelta(hours=1)}, False),
        ({"published_at": None}, False),
    ],
)
def test_the_connection_page_and_the_last_app_stay_while_a_campaign_needs_them(
    studio: Organization, studio_app: OAuthApp, owner: User, changes: dict[str, object], needs_it: bool
) -> None:
    Campaign.objects.filter(pk=factories.CampaignFactory(organization=studio).pk).update(**changes)
    for attempt in (
        lambda: empty_connection_page(studio, owner),
        lambda: apps.delete_app(app=studio_app, now=NOW, actor=owner),
    ):
        if needs_it:
            with pytest.raises(ValidationError, match="1 published campaign needs"):
                attempt()
        else:
            attempt()

    studio.refresh_from_db()
    studio_app.refresh_from_db()
    assert (bool(studio.connect_url), studio_app.deleted_at is None) == (needs_it, needs_it)


def test_an_app_can_go_if_another_is_there(
    studio: Organization, studio_app: OAuthApp, rival_app: OAuthApp, owner: User
) -> None:
    factories.CampaignFactory(organization=studio)
    another = factories.OAuthAppFactory(organization=studio)
    apps.delete_app(app=studio_app, now=NOW, actor=owner)

    with pytest.raises(ValidationError, match="Create another app first"):
        apps.delete_app(app=another, now=NOW, actor=owner)


def test_another_connection_page_may_take_its_place(studio: Organization, owner: User) -> None:
    factories.CampaignFactory(organization=studio)
    new = "https://studio.example.com/new"
    organizations.change_organization(organization=studio, connect_url=new, now=NOW, actor=owner)
    assert Organization.objects.get(pk=studio.pk).connect_url == new


def test_the_dashboard_says_which_campaigns_need_it(
    owner_client: Client, studio: Organization, studio_app: OAuthApp
) -> None:
    for number in range(5):
        factories.CampaignFactory(organization=studio, name=f"Cup {number}")

    page = words(send_form(owner_client, "/dashboard/settings/", connect_url=""))
    named = "“Cup 0”, “Cup 1”, “Cup 2”, 2 more."
    assert f"5 published campaigns need the connection page until they close: {named}" in page
    delete = f"/dashboard/apps/{studio_app.pk}/delete/"
    page = words(owner_client.get(delete))
    assert f"5 published campaigns need an OAuth app until they close: {named}" in page
    assert 'name="post"' not in page
    assert "Create another app first" in words(press(owner_client, delete))
    assert OAuthApp.objects.get(pk=studio_app.pk).deleted_at is None


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_nothing_is_published_while_its_conditions_go(
    turn: int, studio: Organization, studio_app: OAuthApp, owner: User
) -> None:
    another = factories.OAuthAppFactory(organization=studio)
    campaign = factories.CampaignFactory(organization=studio, published_at=None)
    category = campaign.category
    category.organization = studio
    category.save()
    factories.CampaignRewardFactory(campaign=campaign)
    together = Barrier(4)

    def attempt(act: Callable[[], object]) -> bool:
        together.wait()
        try:
            act()
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as threads:
        published, emptied, *deleted = threads.map(
            attempt,
            [
                lambda: lifecycle.publish_campaign(campaign=campaign, now=NOW, actor=owner),
                lambda: empty_connection_page(studio, owner),
                lambda: apps.delete_app(app=studio_app, now=NOW, actor=owner),
                lambda: apps.delete_app(app=another, now=NOW, actor=owner),
            ],
        )
    assert not (published and (emptied or all(deleted)))
    assert published or emptied or all(deleted)
