"""A campaign that ends later than it was told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import OAuthApp, Organization, User
from drops.domain.campaigns.extensions import extension_of
from drops.domain.campaigns.lifecycle import amend_campaign, end_campaign
from drops.models import Campaign
from tests import factories
from tests.dashboard import send_form, words
from tests.factories import NOW

DAY = timedelta(days=1)


@pytest.fixture
def live(studio: Organization, studio_app: OAuthApp) -> Campaign:
    live = factories.CampaignFactory(organization=studio)
    factories.CampaignRewardFactory(campaign=live, reward=factories.RewardFactory(organization=studio))
    return live


def extend(campaign: Campaign, by: timedelta, owner: User, now: object = NOW) -> None:
    campaign.refresh_from_db()
    amend_campaign(campaign=campaign, changes={"ends_at": campaign.ends_at + by}, now=now, actor=owner)  # type: ignore[arg-type]
    campaign.refresh_from_db()


def test_the_grace_period_follows_and_viewers_are_told(live: Campaign, owner: User, client: Client) -> None:
    ended, closed = live.ends_at, live.closes_at
    assert "Extended until" not in words(client.get(f"/campaigns/{live.pk}/"))
    extend(live, 2 * DAY, owner)
    assert live.closes_at == closed + 2 * DAY
    page = words(client.get(f"/campaigns/{live.pk}/"))
    assert "<strong>Extended until" in page
    assert f"{live.ends_at:%-d %b %Y, %H:%M} UTC" in page
    assert f"{ended:%-d %b %Y, %H:%M} UTC" in page
    # It was what viewers were told last.
    extend(live, DAY, owner, NOW + DAY)
    found = extension_of(live)
    assert found is not None
    assert (found.until, found.before) == (ended + 3 * DAY, ended + 2 * DAY)


def test_other_changes_and_an_earlier_end_are_no_extension(live: Campaign, owner: User) -> None:
    amend_campaign(campaign=live, changes={"name": "Renamed"}, now=NOW, actor=owner)
    assert extension_of(live) is None
    end_campaign(campaign=live, now=NOW, actor=owner)
    live.refresh_from_db()
    assert extension_of(live) is None


def test_an_end_that_was_moved_before_anybody_saw_it_is_no_extension(live: Campaign, owner: User) -> None:
    Campaign.objects.filter(pk=live.pk).update(
        announces_at=NOW + DAY, starts_at=NOW + 2 * DAY, ends_at=NOW + 5 * DAY, closes_at=NOW + 8 * DAY
    )
    extend(live, DAY, owner)
    assert extension_of(live) is None
    extend(live, DAY, owner, NOW + DAY + timedelta(hours=1))
    assert extension_of(live) is not None


def test_extending_on_the_dashboard_says_that_claims_close_later(
    owner_client: Client, live: Campaign
) -> None:
    edit = f"/dashboard/campaigns/{live.pk}/change/"
    later = f"{live.ends_at + DAY:%Y-%m-%dT%H:%M}"
    asked = send_form(owner_client, edit, ends_at=later)
    assert "The campaign ends later." in words(asked)
    assert "Claims close later." in words(asked)
    page = send_form(owner_client, edit, ends_at=later, confirmed=asked.context["consequences_digest"])
    assert "Viewers are told so on the campaign's page." in words(page)
