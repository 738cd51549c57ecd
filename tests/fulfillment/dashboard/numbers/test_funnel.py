"""The pages with the funnel of a campaign, where its viewers stop, and what became of its claims."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import OAuthApp, Organization
from drops.models import Campaign, CampaignReward, ConnectHour, RewardHour, WatchHour, WatchMark
from fulfillment.models import ClaimHour, DeliveredHour, StatusHour
from tests import factories
from tests.dashboard import words
from tests.factories import NOW

pytestmark = pytest.mark.django_db
PAGES = ("", "stops/", "statuses/")


def address(campaign: Campaign, page: str = "") -> str:
    return f"/dashboard/campaigns/{campaign.pk}/numbers/{page}"


@pytest.fixture
def reward(studio: Organization, studio_app: OAuthApp) -> CampaignReward:
    """Of a campaign of 60 days with losses at each step."""
    attached = factories.CampaignRewardFactory(campaign__organization=studio, required_minutes=60)
    campaign, reward = attached.campaign, attached.reward
    channels = [factories.ChannelFactory() for _ in range(20)]
    key = {"campaign": campaign, "reward": reward}
    for day in range(60):
        at = {"hour": NOW - timedelta(days=day)}
        rows = [
            RewardHour(**key, **at, channel=channel, qualified=5, saw_connect_page=2, linked=1)
            for channel in channels
        ]
        RewardHour.objects.bulk_create(rows)
        WatchHour.objects.bulk_create(
            WatchHour(campaign=campaign, **at, channel=channel, seconds=600, new_viewers=10)
            for channel in channels
        )
        ConnectHour.objects.create(**key, **at, saw_connect_page=20, linked=10)
        ClaimHour.objects.create(**key, **at, claims=20, new_viewers=20)
        DeliveredHour.objects.create(**key, **at, claims=19)
        StatusHour.objects.create(**key, **at, old="initiated", new="granted", changes=18, firsts=18)
        StatusHour.objects.create(**key, **at, old="granted", new="played", changes=2, firsts=1)
    for minutes in range(5, 80, 5):
        viewers = next(
            left for end, left in ((30, 11_000), (45, 10_500), (60, 6_000), (75, 5_998)) if minutes <= end
        )
        WatchMark.objects.create(campaign=campaign, minutes=minutes, partition=0, viewers=viewers)
        WatchMark.objects.create(campaign=campaign, minutes=minutes, partition=1, viewers=1)
    return attached


def test_the_overview_leads_to_the_numbers(owner_client: Client, studio: Organization) -> None:
    campaign = factories.CampaignFactory(organization=studio)
    overview = owner_client.get(f"/dashboard/campaigns/{campaign.pk}/overview/")
    assert address(campaign) in overview.text
    for page, empty in zip(
        PAGES, ("Nobody has watched yet", "Nobody has watched yet", "No status yet"), strict=True
    ):
        assert empty in words(owner_client.get(address(campaign, page)))


def test_the_funnel_says_where_most_are_lost_and_what_to_do(
    owner_client: Client, reward: CampaignReward
) -> None:
    told = words(owner_client.get(address(reward.campaign)))
    assert "12,000 (100 %)" in told
    assert "6,000 (50 %, 6,000 lost)" in told
    assert "1,800 (15 %, 4,200 lost)" in told
    assert "The largest loss: 6,000 viewers watched and have not reached the reward." in told
    assert (
        "4,200 of those who reached the reward. Of them, 1,800 had seen the consent page of your app." in told
    )
    assert "1,200 before they reached the reward, 600 afterwards." in told
    assert "1,140 (95 %, 60 lost)" in told
    assert address(reward.campaign, "stops/") in owner_client.get(address(reward.campaign)).text

    RewardHour.objects.all().update(qualified=10)
    told = words(owner_client.get(address(reward.campaign)))
    assert "The largest loss: 10,200 viewers reached the reward and have not connected." in told
    assert "Most of them never came to the consent page." in told
    Organization.objects.update(connect_url="")
    assert "your organization has no connection page" in words(owner_client.get(address(reward.campaign)))


def test_a_few_viewers_are_not_counted_out(owner_client: Client, reward: CampaignReward) -> None:
    ConnectHour.objects.all().delete()
    RewardHour.objects.exclude(pk=RewardHour.objects.earliest("pk").pk).update(saw_connect_page=0, linked=0)
    told = words(owner_client.get(address(reward.campaign)))
    assert "fewer than 5 before they reached the reward, 0 afterwards." in told
    stops = words(owner_client.get(address(reward.campaign, "stops/")))
    assert re.search(r"60 to 75\W+fewer than 5 ", re.sub(r"<[^>]+>", " ", stops))


def test_a_threshold_is_tuned_from_what_was_watched(owner_client: Client, reward: CampaignReward) -> None:
    page = address(reward.campaign, "stops/")
    assert "37.5 % stop between 45 and 60 minutes." in words(owner_client.get(page))
    told = words(owner_client.get(page, {"reward": reward.reward_id, "minutes": "45"}))
    assert "With 45 instead of 60 minutes" in told
    assert "<strong>4,501 more viewers</strong> would have it by now." in told
    assert "6,000 fewer viewers" in words(owner_client.get(page, {"minutes": "100"}))
    for wrong in ("7", "x", "0", "1" * 30):
        assert "Choose a number of minutes that five divides." in words(
            owner_client.get(page, {"minutes": wrong})
        )


def test_statuses_are_in_the_order_of_their_changes(owner_client: Client, reward: CampaignReward) -> None:
    answer = owner_client.get(address(reward.campaign, "statuses/"), {"reward": reward.reward_id})
    assert [(word.word, now, ever) for word, now, ever in answer.context["rows"]] == [
        ("initiated", 120, 1200),
        ("granted", 960, 1080),
        ("played", 120, 60),
    ]


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_cost_few_queries(
    owner_client: Client,
    reward: CampaignReward,
    page: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(11):
        factories.CampaignRewardFactory(campaign=reward.campaign)
    with django_assert_max_num_queries(12):
        assert owner_client.get(address(reward.campaign, page)).status_code == 200
