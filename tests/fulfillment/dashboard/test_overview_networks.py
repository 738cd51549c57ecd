"""What the overview of a campaign tells of the networks of its viewers."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import Organization
from drops.models import Campaign, Channel, ChannelDay, NetworkDay, WatchHour
from tests import factories
from tests.dashboard import words
from tests.factories import NOW


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignFactory(organization=studio)


def counted(campaign: Campaign, channel: Channel, *sizes: int, days_ago: int = 0) -> None:
    """A day on which the channel counted for the campaign, with so many viewers of each network."""
    at = NOW - timedelta(days=days_ago)
    WatchHour.objects.create(campaign=campaign, channel=channel, hour=at, seconds=60)
    if sizes:
        ChannelDay.objects.create(channel=channel, day=at.date(), viewers=sum(sizes))
    for network, viewers in enumerate(sizes):
        NetworkDay.objects.create(channel=channel, day=at.date(), network=network, viewers=viewers)


def overview(client: Client, campaign: Campaign) -> str:
    with time_machine.travel(NOW, tick=False):
        return words(client.get(f"/dashboard/campaigns/{campaign.pk}/overview/"))


def test_a_studio_sees_the_largest_group_of_each_channel(
    owner_client: Client, campaign: Campaign, channel: Channel
) -> None:
    counted(campaign, channel, 1_500, 500)
    assert "1,500 viewers (75%) on 20 Nov" in overview(owner_client, campaign)


def test_small_groups_are_not_told_apart(owner_client: Client, campaign: Campaign, channel: Channel) -> None:
    counted(campaign, channel, 4, 1)
    page = overview(owner_client, campaign)
    assert "Fewer than 5" in page
    assert "80%" not in page


def test_a_channel_that_only_the_platform_reports_is_not_known(
    owner_client: Client, campaign: Campaign, channel: Channel
) -> None:
    counted(campaign, channel)
    assert "Not known" in overview(owner_client, campaign)


def test_days_that_counted_for_a_rival_alone_are_left_out(
    owner_client: Client, campaign: Campaign, rival_studio: Organization, channel: Channel
) -> None:
    counted(campaign, channel, 30, 70, days_ago=1)
    counted(factories.CampaignFactory(organization=rival_studio), channel, 444)
    page = overview(owner_client, campaign)
    assert "70 viewers (70%) on 19 Nov" in page
    assert "444" not in page
