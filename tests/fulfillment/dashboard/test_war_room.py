"""The war room: live, minute by minute, and by a link."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.models import MemberRole, Organization
from drops.models import Campaign
from fulfillment.domain.war_room import minutes
from fulfillment.models import CampaignMinute, WarRoomLink
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
AT = int(NOW.timestamp()) // 60


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    campaign = factories.CampaignFactory(organization=studio, name="Storm season")
    factories.LivestreamFactory(category=campaign.category, viewer_count=4321, channel__slug="ada")
    factories.WebhookEndpointFactory(organization=studio, url="https://games.example.com/zzpath")
    return campaign


@pytest.fixture
def noted(campaign: Campaign) -> Campaign:
    """Three minutes up to NOW, and a gap before the last."""
    for before in (4, 3, 0):
        minutes.note_minutes(now=NOW - before * MINUTE)
    CampaignMinute.objects.filter(minute=NOW - 4 * MINUTE).update(watching=1234)
    return campaign


def url_of(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/war-room/"


def make_link(client: Client, campaign: Campaign, hours: str = "8") -> str:
    page = client.post(f"{url_of(campaign)}links/", {FORM_FIELD: campaign.organization_id, "hours": hours})
    made: str = page.context["made"].removeprefix(settings.SITE_URL)
    return made


def test_the_page_shows_how_the_campaign_stands_and_follows_by_itself(
    owner_client: Client, noted: Campaign
) -> None:
    assert f'href="{url_of(noted)}"' in words(owner_client.get(f"/dashboard/campaigns/{noted.pk}/overview/"))
    page = words(owner_client.get(url_of(noted)))
    assert "4,321" in page
    assert "ada" in page
    assert "https://games.example.com/zzpath" in page
    assert f'hx-get="{url_of(noted)}" hx-trigger="every 5s"' in page
    part = owner_client.get(url_of(noted), headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert "4,321" in part


def test_what_is_wrong_stands_there(owner_client: Client, campaign: Campaign) -> None:
    campaign.organization.webhook_endpoints.update(held_at=NOW, held_reason="owner")
    page = words(owner_client.get(url_of(campaign)))
    assert "is held. Claims wait." in page
    assert "has noted no minute for a while" in page


def test_a_campaign_in_test_mode_has_no_figures(owner_client: Client, campaign: Campaign) -> None:
    Campaign.objects.update(test_mode=True)
    page = words(owner_client.get(url_of(campaign)))
    assert "in test mode is in no figure" in page
    assert "4,321" not in page


def test_a_minute_is_shown_as_it_was(owner_client: Client, noted: Campaign) -> None:
    page = words(owner_client.get(f"{url_of(noted)}?at={AT - 4}"))
    assert "1,234" in page
    assert 'type="range"' in page
    assert f'min="{AT - 4}" max="{AT}" step="1" value="{AT - 4}"' in page
    assert f"?at={AT - 3}" in page
    assert "hx-trigger" not in page.split('id="war-room"')[1].split(">")[0]


def test_a_gap_is_shown_as_a_gap(owner_client: Client, noted: Campaign) -> None:
    answer = owner_client.get(f"{url_of(noted)}?at={AT - 2}")
    assert answer.context["figures"] is None
    assert "Nobody noted this minute. It stays a gap." in words(answer)
    charted = owner_client.get(url_of(noted)).context["charts"][0]
    assert [row[1][0] for row in charted.rows] == ["1,234", "4,321", "-", "-", "4,321"]
    assert len(charted.lines) == 2


def test_a_replay_goes_on_by_itself_to_the_last_minute(owner_client: Client, noted: Campaign) -> None:
    page = words(owner_client.get(f"{url_of(noted)}?at={AT - 4}&play=1"))
    assert f'hx-get="{url_of(noted)}?at={AT - 3}&amp;play=1" hx-trigger="load delay:1s"' in page
    page = words(owner_client.get(f"{url_of(noted)}?at={AT}&play=1"))
    assert "load delay" not in page


@pytest.mark.parametrize("at", ["", "x", "-1", "0", "9" * 9, "9" * 60, "1.5", "٣", "\0", "'"])
def test_whatever_is_asked_for_is_a_minute_that_was_or_now(
    owner_client: Client, noted: Campaign, at: str
) -> None:
    answer = owner_client.get(url_of(noted), {"at": at, "play": at})
    assert answer.status_code == 200
    assert answer.context["at"] in (None, NOW - 4 * MINUTE, NOW)


def test_more_minutes_endpoints_and_entries_cost_no_more_queries(
    owner_client: Client, campaign: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        with time_machine.travel(NOW + number * MINUTE, tick=False):
            minutes.note_minutes(now=NOW + number * MINUTE)
            factories.LivestreamFactory(category=campaign.category)
            cache.clear()
            with django_assert_num_queries(27):
                owner_client.get(url_of(campaign))
            with django_assert_num_queries(8):  # whoever comes in the same seconds
                owner_client.get(url_of(campaign))
            with django_assert_num_queries(13):
                owner_client.get(f"{url_of(campaign)}?at={AT}")


@pytest.mark.parametrize(
    ("role", "name"),
    [
        (MemberRole.ANALYST, "Endpoint 1"),
        (MemberRole.SUPPORT, "games.example.com"),
        (MemberRole.MEMBER, "zzpath"),
    ],
)
def test_endpoints_are_named_as_far_as_the_role_may_know_them(
    client: Client, studio: Organization, noted: Campaign, role: MemberRole, name: str
) -> None:
    sign_in(client, factories.MembershipFactory(organization=studio, role=role).user)
    with time_machine.travel(NOW, tick=False):
        page = words(client.get(url_of(noted)))
    assert name in page
    assert ("zzpath" in page) == (name == "zzpath")
    assert ("games.example.com" in page) == (name != "Endpoint 1")
    assert "links/" not in page


def test_a_link_is_shown_once_and_works_without_an_account(owner_client: Client, noted: Campaign) -> None:
    link = make_link(owner_client, noted)
    assert link.startswith("/war-room/")
    listed = words(owner_client.get(f"{url_of(noted)}links/"))
    assert link not in listed
    assert "owner" in listed
    guest = Client()
    for url in (link, f"{link}?at={AT - 4}", f"{link}?at={AT - 4}&play=1"):
        answer = guest.get(url)
        page = words(answer)
        assert "Endpoint 1" in page
        for hidden in ("zzpath", "games.example.com", "/dashboard/", "owner"):
            assert hidden not in page, hidden
        assert not answer.cookies
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Vary" not in answer.headers or "Cookie" not in answer.headers["Vary"]
    assert guest.post(link).status_code == 405
    revoked = WarRoomLink.objects.get()
    owner_client.post(
        f"{url_of(noted)}links/", {FORM_FIELD: noted.organization_id, "revoke": revoked.pk}, follow=True
    )
    assert guest.get(link).status_code == 404


def test_a_link_ends_with_its_time(owner_client: Client, campaign: Campaign) -> None:
    link = make_link(owner_client, campaign, "1")
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        assert Client().get(link).status_code == 404


@pytest.mark.parametrize("hours", ["", "0", "-1", "2", "9999999", "x", "\0", "1.5"])
def test_no_other_time_can_be_chosen(owner_client: Client, campaign: Campaign, hours: str) -> None:
    page = owner_client.post(
        f"{url_of(campaign)}links/", {FORM_FIELD: campaign.organization_id, "hours": hours}
    )
    assert page.status_code == 200
    assert page.context["form"].errors["hours"]
    assert not WarRoomLink.objects.exists()


def test_the_link_of_another_campaign_is_not_revoked_here(
    owner_client: Client, campaign: Campaign, studio: Organization
) -> None:
    make_link(owner_client, campaign)
    other = factories.CampaignFactory(organization=studio)
    answer = owner_client.post(
        f"{url_of(other)}links/", {FORM_FIELD: studio.pk, "revoke": WarRoomLink.objects.get().pk}
    )
    assert answer.status_code == 404
    assert WarRoomLink.objects.get().revoked_at is None


def test_the_list_of_links_costs_the_same_with_more(
    owner_client: Client, campaign: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for links in (1, 3):
        make_link(owner_client, campaign)
        if links == 3:
            make_link(owner_client, campaign)
        with django_assert_num_queries(6):
            page = owner_client.get(f"{url_of(campaign)}links/")
        assert len(page.context["links"]) == links
