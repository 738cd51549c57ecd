from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User, new_ulid
from drops.models import Campaign, Category, Channel, Reward
from tests import factories
from tests.html import assert_well_made, text_of

DAY = timedelta(days=1)
LIST = "/campaigns/"


@pytest.fixture(autouse=True)
def _at(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


def make(organization: Organization, name: str, **fields: object) -> Campaign:
    campaign = factories.CampaignFactory(organization=organization, name=name, **fields)
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=60, reward__name=f"{name} reward")
    return campaign


def names_on(client: Client, address: str = LIST) -> list[str]:
    return [card.campaign.name for card in client.get(address).context["cards"]]


def page_of(campaign: Campaign) -> str:
    return reverse("drops:campaign", args=[campaign.pk])


def test_list_has_a_shelf_for_every_public_phase(client: Client, studio: Organization, now: datetime):
    make(studio, "Ends later", ends_at=now + 6 * DAY)
    make(studio, "Ends sooner", ends_at=now + DAY)
    make(studio, "Announced", starts_at=now + DAY)
    make(studio, "In grace", ends_at=now - DAY, starts_at=now - 9 * DAY)
    make(studio, "Closed lately", ends_at=now - 9 * DAY, starts_at=now - 19 * DAY, closes_at=now - 8 * DAY)
    make(studio, "Long closed", ends_at=now - 40 * DAY, starts_at=now - 50 * DAY, closes_at=now - 31 * DAY)
    make(studio, "Draft", published_at=None)
    make(studio, "Not announced", starts_at=now + 9 * DAY, ends_at=now + 19 * DAY)
    make(studio, "Withdrawn", withdrawn_at=now - DAY)

    assert names_on(client) == ["Ends sooner", "Ends later"]
    assert names_on(client, "/campaigns/?show=upcoming") == ["Announced"]
    assert names_on(client, "/campaigns/?show=ended") == ["In grace", "Closed lately"]
    counts = client.get(LIST).context["shelf_counts"]
    assert [(shelf.value, count) for shelf, count in counts.items()] == [
        ("live", 2),
        ("upcoming", 1),
        ("ended", 2),
    ]


def test_dates_are_said_in_words_and_exactly(client: Client, studio: Organization, now: datetime):
    make(studio, "Night Shift", ends_at=now + 3 * DAY + timedelta(hours=2))
    html = client.get(LIST).content.decode()
    assert (
        'Ends <time datetime="2026-11-23T14:00:00+00:00" title="23 November 2026, 14:00 UTC" data-countdown>in 3 days'
        in html
    )


def test_test_mode_is_for_members_of_the_organization_only(
    client: Client, studio: Organization, member: User, viewer: User, rival_owner: User
):
    hidden = make(studio, "Preview", test_mode=True)
    for person in (None, viewer, rival_owner):
        if person:
            client.force_login(person)
        assert names_on(client) == []
        assert client.get(page_of(hidden)).status_code == 404
    client.force_login(member)
    assert names_on(client) == ["Preview"]
    assert "Test mode" in text_of(client.get(LIST))
    assert "This campaign is in test mode" in text_of(client.get(page_of(hidden)))


def test_campaigns_of_a_suspended_organization_are_not_shown(
    client: Client, studio: Organization, now: datetime
):
    campaign = make(studio, "Night Shift")
    studio.suspended_at = now
    studio.save()
    assert names_on(client) == []
    assert client.get(page_of(campaign)).status_code == 404


def test_search_and_category_narrow_the_list_down(
    client: Client, studio: Organization, rival_studio: Organization, category: Category
):
    make(studio, "Night Shift", category=category)
    make(rival_studio, "Harbour")
    make(studio, "Anywhere")
    assert names_on(client, f"/campaigns/?category={category.slug}") == ["Night Shift"]
    assert names_on(client, "/campaigns/?q=harbour+reward") == ["Harbour"]
    assert names_on(client, "/campaigns/?q=rival") == ["Harbour"]
    assert sorted(names_on(client, "/campaigns/?q=northlight")) == ["Anywhere", "Night Shift"]


def test_filters_find_what_can_still_be_finished(
    client: Client, studio: Organization, viewer: User, now: datetime
):
    """Each has a reward at 60 minutes."""
    make(studio, "Fits", ends_at=now + timedelta(minutes=60))
    too_long = make(studio, "Too long", ends_at=now + timedelta(minutes=59))
    factories.CampaignFactory(organization=studio, name="No reward")
    earned = make(studio, "Earned")
    make(studio, "Comes", starts_at=now + DAY, ends_at=now + DAY + timedelta(minutes=60))
    make(studio, "Comes too short", starts_at=now + DAY, ends_at=now + DAY + timedelta(minutes=59))
    factories.ProgressFactory(viewer=viewer, campaign=earned, seconds=3600)
    factories.ProgressFactory(viewer=viewer, campaign=too_long, seconds=60)

    assert names_on(client, "/campaigns/?finishable=on") == ["Fits", "Earned"]
    client.force_login(viewer)
    assert names_on(client, "/campaigns/?finishable=on") == ["Too long", "Fits"]
    assert names_on(client, "/campaigns/?finishable=on&show=upcoming") == ["Comes"]
    assert_well_made(client.get("/campaigns/?finishable=on"))


def test_filters_find_the_campaigns_of_connected_studios(
    client: Client, studio: Organization, rival_studio: Organization, viewer: User
):
    make(studio, "Night Shift")
    make(rival_studio, "Harbour")
    assert len(names_on(client, "/campaigns/?connected=on")) == 2  # a visitor has no connections
    client.force_login(viewer)
    assert names_on(client, "/campaigns/?connected=on") == []
    assert "No campaigns match" in text_of(client.get("/campaigns/?connected=on"))
    factories.GameLinkFactory(viewer=viewer, organization=studio)
    assert names_on(client, "/campaigns/?connected=on") == ["Night Shift"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?q=nothing+like+it", "No campaigns match"),
        ("?category=unknown", "No campaigns match"),
        ("?show=upcoming", "No campaign is announced"),
        ("?show=ended", "No campaign has ended recently"),
        ("", "No campaign is active now"),
    ],
)
def test_an_empty_list_says_what_would_fill_it(client: Client, db: None, query: str, said: str):
    response = client.get(LIST + query)
    assert said in text_of(response)
    assert_well_made(response)


@pytest.mark.parametrize(
    "query", ["?q=%00", "?q=" + "x" * 101, "?category=%00", "?show=%00", "?page=-1", "?page=x"]
)
def test_nonsense_in_the_address_never_breaks_the_list(client: Client, studio: Organization, query: str):
    make(studio, "Night Shift")
    assert client.get(LIST + query).status_code == 200


def test_what_is_wrong_with_a_search_is_said(client: Client, db: None):
    assert "at most 100 characters" in text_of(client.get(LIST + "?q=" + "x" * 101))


def test_list_is_divided_into_pages_that_keep_the_filter(client: Client, studio: Organization):
    for number in range(25):
        make(studio, f"Night Shift {number}")
    response = client.get("/campaigns/?q=night")
    assert len(response.context["cards"]) == 24
    assert "?q=night&amp;page=2" in response.content.decode()
    assert len(client.get("/campaigns/?q=night&page=2").context["cards"]) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_however_long_it_is(
    client: Client,
    studio: Organization,
    viewer: User,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
):
    for number in range(count):
        campaign = make(studio, f"Campaign {number}")
        factories.ProgressFactory(viewer=viewer, campaign=campaign)
        factories.AllowedChannelFactory(campaign=campaign)
    client.force_login(viewer)
    with django_assert_num_queries(10):
        client.get(LIST)


def test_viewer_sees_how_far_it_is_to_the_next_reward(client: Client, studio: Organization, viewer: User):
    campaign = make(studio, "Night Shift")
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=120, reward__name="Lantern")
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=84 * 60 + 59)
    client.force_login(viewer)
    for address in (LIST, page_of(campaign)):
        assert "84 of 120 min" in text_of(client.get(address))
    assert "You have watched 84 min" in text_of(client.get(page_of(campaign)))


def test_nobody_sees_the_progress_of_others(
    client: Client, studio: Organization, viewer: User, stranger: User
):
    campaign = make(studio, "Night Shift")
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=42 * 60)
    client.force_login(stranger)
    for address in (LIST, page_of(campaign)):
        assert "42" not in text_of(client.get(address))


def test_says_what_can_still_be_earned_in_the_time_that_is_left(
    client: Client, studio: Organization, viewer: User, now: datetime
):
    campaign = make(studio, "Night Shift", ends_at=now + timedelta(minutes=200))
    client.force_login(viewer)
    for address in (LIST, page_of(campaign)):
        assert "Can still be finished: it needs 1 h of the 3 h 20 min left." in text_of(client.get(address))

    factories.CampaignRewardFactory(campaign=campaign, required_minutes=240)
    for address in (LIST, page_of(campaign)):
        response = client.get(address)
        assert "Can still be earned up to Night Shift reward: it needs 1 h of" in text_of(response)
        assert_well_made(response)
    assert "0 of 240 min. Too little time is left." in text_of(response)

    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
    for address in (LIST, page_of(campaign), "/inventory/"):
        assert "Can still be finished: it needs 3 h of the 3 h 20 min left." in text_of(client.get(address))
    Campaign.objects.update(ends_at=now + timedelta(minutes=179))
    for address in (LIST, page_of(campaign), "/inventory/"):
        assert "Too late for another reward: 2 h 59 min left." in text_of(client.get(address))


class TestDetail:
    def test_a_link_to_it_is_previewed_with_its_name_and_a_picture_of_a_reward(
        self, client: Client, studio: Organization
    ):
        campaign = make(studio, "Night Shift")
        Reward.objects.update(image="rewards/lantern.webp")
        preview = client.get(page_of(campaign)).content.decode()
        assert '<meta property="og:title" content="Night Shift">' in preview
        assert 'property="og:description" content="Night Shift by Northlight Games: 1 reward' in preview
        assert 'property="og:image" content="http://127.0.0.1:8000/media/rewards/lantern.webp"' in preview

    def test_names_rewards_streams_and_how_to_take_part(
        self, client: Client, studio: Organization, category: Category, channel: Channel
    ):
        campaign = make(studio, "Night Shift", category=category)
        factories.LivestreamFactory(channel=channel, category=category, title="Warm-up laps")
        factories.LivestreamFactory(title="Another game")
        response = client.get(page_of(campaign))
        text = text_of(response)
        for words in (
            "Night Shift reward 60 min",
            "Warm-up laps",
            "Any channel that streams Skyforge Rally",
            "Sign in to take part",
        ):
            assert words in text
        assert "Another game" not in text
        assert campaign.info_url in response.content.decode()
        assert_well_made(response)

    def test_an_allow_list_names_its_channels_and_only_their_streams_count(
        self, client: Client, studio: Organization, category: Category, channel: Channel
    ):
        campaign = make(studio, "Night Shift", category=category)
        factories.AllowedChannelFactory(campaign=campaign, channel=channel)
        factories.LivestreamFactory(channel=channel, category=category, title="Warm-up laps")
        factories.LivestreamFactory(category=category, title="Not on the list")
        text = text_of(client.get(page_of(campaign)))
        assert "1 channel, while streaming Skyforge Rally" in text
        assert "Warm-up laps" in text
        assert "Not on the list" not in text

    def test_sends_the_viewer_to_the_studio_to_connect_and_back(
        self, client: Client, studio: Organization, viewer: User
    ):
        campaign = make(studio, "Night Shift")
        client.force_login(viewer)
        connect = (
            "https://studio.example.com/connect?return_to=http%3A%2F%2F127.0.0.1%3A8000%2Fcampaigns%2F"
            f"{campaign.pk}%2F"
        )
        assert connect in client.get(page_of(campaign)).content.decode()
        factories.GameLinkFactory(viewer=viewer, organization=studio)
        response = client.get(page_of(campaign))
        assert connect not in response.content.decode()
        assert "Your account is connected to Northlight Games" in text_of(response)

    def test_says_so_where_the_studio_has_no_connection_page(
        self, client: Client, studio: Organization, viewer: User
    ):
        studio.connect_url = ""
        studio.save()
        client.force_login(viewer)
        assert "has no connection page yet" in text_of(client.get(page_of(make(studio, "Night Shift"))))

    def test_an_earned_reward_leads_to_the_inventory_until_it_is_claimed(
        self, client: Client, studio: Organization, viewer: User
    ):
        campaign = make(studio, "Night Shift")
        factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
        client.force_login(viewer)
        assert "Claim Night Shift reward" in text_of(client.get(page_of(campaign)))
        factories.ClaimFactory(
            viewer=viewer, campaign=campaign, reward=campaign.campaign_rewards.get().reward
        )
        text = text_of(client.get(page_of(campaign)))
        assert "Claim Night Shift reward" not in text
        assert "Claimed" in text

    def test_withdrawn_is_open_to_those_who_watched_for_it_and_to_nobody_else(
        self, client: Client, studio: Organization, viewer: User, stranger: User, now: datetime
    ):
        campaign = make(studio, "Night Shift", withdrawn_at=now - DAY)
        factories.ProgressFactory(viewer=viewer, campaign=campaign)
        client.force_login(stranger)
        assert client.get(page_of(campaign)).status_code == 404
        client.force_login(viewer)
        assert "withdrew this campaign" in text_of(client.get(page_of(campaign)))

    def test_closed_long_ago_is_still_at_its_address(
        self, client: Client, studio: Organization, now: datetime
    ):
        campaign = make(
            studio, "Old", starts_at=now - 90 * DAY, ends_at=now - 80 * DAY, closes_at=now - 70 * DAY
        )
        assert "Ended" in text_of(client.get(page_of(campaign)))

    @pytest.mark.parametrize("fields", [{"published_at": None}, {"announces_at": "later"}])
    def test_not_public_is_not_there(
        self, client: Client, studio: Organization, now: datetime, fields: dict[str, object]
    ):
        if "announces_at" in fields:
            fields = {"announces_at": now + DAY, "starts_at": now + 2 * DAY, "published_at": now - DAY}
        assert client.get(page_of(make(studio, "Hidden", **fields))).status_code == 404

    @pytest.mark.parametrize("name", [new_ulid(), "8" + "Z" * 25, "I" * 26, "0" * 27, "x", "%00" * 26])
    def test_ids_of_nothing_are_not_there(self, client: Client, db: None, name: str):
        assert client.get(f"/campaigns/{name}/").status_code == 404

    def test_lower_case_id_is_the_same_campaign(self, client: Client, studio: Organization):
        assert client.get(page_of(make(studio, "Night Shift")).lower()).status_code == 200

    @pytest.mark.parametrize("count", [1, 3])
    def test_costs_the_same_however_much_there_is(
        self,
        client: Client,
        studio: Organization,
        category: Category,
        viewer: User,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ):
        campaign = make(studio, "Night Shift", category=category)
        for _ in range(count):
            factories.CampaignRewardFactory(campaign=campaign)
            allowed = factories.AllowedChannelFactory(campaign=campaign)
            factories.LivestreamFactory(channel=allowed.channel, category=category)
        client.force_login(viewer)
        with django_assert_num_queries(14):
            client.get(page_of(campaign))
