"""What operators see of the viewers of one network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from drops.models import Campaign, Channel, ChannelDay, NetworkDay, WatchHour
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW

URL = "/admin/drops/networkday/"


@pytest.fixture
def desk(client: Client, operator: User) -> Iterator[Client]:
    sign_in(client, operator)
    with time_machine.travel(NOW, tick=False):
        yield client


def group(channel: Channel, network: int, viewers: int, *, days_ago: int = 0) -> NetworkDay:
    day = NOW.date() - timedelta(days=days_ago)
    ChannelDay.objects.update_or_create(channel=channel, day=day, defaults={"viewers": 200})
    return NetworkDay.objects.create(channel=channel, day=day, network=network, viewers=viewers)


def shown(desk: Client, **query: str) -> list[int]:
    return [row.viewers for row in desk.get(URL, query).context["cl"].result_list]


def test_groups_are_listed_the_largest_first(desk: Client, channel: Channel) -> None:
    for network, viewers in enumerate((7, 4, 190, 5)):
        group(channel, network, viewers)
    assert shown(desk) == [190, 7, 5]
    page = words(desk.get(URL))
    assert "streamer" in page
    assert "95%" in page


def test_a_network_has_a_name_that_tells_nothing_else(desk: Client, channel: Channel) -> None:
    made = group(channel, -2, 9)
    other = group(factories.ChannelFactory(), -2, 8, days_ago=3)
    group(channel, 3, 20)
    assert made.group == other.group == "ffffffff"
    assert 'href="?network=-2">ffffffff</a>' in words(desk.get(URL))
    assert shown(desk, network="-2") == [9, 8]


def test_groups_are_found_by_channel_day_and_campaign(desk: Client, channel: Channel) -> None:
    elsewhere = factories.ChannelFactory(slug="elsewhere")
    campaign, rival = factories.CampaignFactory(), factories.CampaignFactory()
    group(channel, 1, 10)
    group(channel, 1, 11, days_ago=1)
    group(elsewhere, 1, 12)
    WatchHour.objects.create(campaign=campaign, channel=channel, hour=NOW - timedelta(days=1))
    WatchHour.objects.create(campaign=rival, channel=elsewhere, hour=NOW)

    assert shown(desk, q="elsew") == [12]
    assert shown(desk, day__year="2026", day__month="11", day__day="20") == [12, 10]
    assert shown(desk, campaign=campaign.pk) == [11]
    assert shown(desk, campaign=rival.pk) == [12]
    assert shown(desk, campaign="nothing") == [12, 11, 10]


def test_campaigns_of_the_days_that_are_kept_are_offered(desk: Client) -> None:
    now = factories.CampaignFactory(name="Now")
    factories.CampaignFactory(name="Draft", published_at=None)
    for name, days in (("Lately", 29), ("Long ago", 31)):
        end = NOW - timedelta(days=days)
        factories.CampaignFactory(
            name=name,
            announces_at=end - timedelta(days=3),
            starts_at=end - timedelta(days=2),
            ends_at=end,
            closes_at=end,
            published_at=end - timedelta(days=3),
        )
    page = words(desk.get(URL))
    assert f"Now ({now.organization})" in page
    assert "Lately (" in page
    assert "Draft (" not in page
    assert "Long ago (" not in page


def test_nobody_changes_a_count(desk: Client, channel: Channel) -> None:
    made = group(channel, 1, 9)
    for page in (f"{URL}add/", f"{URL}{made.pk}/delete/"):
        assert desk.get(page).status_code == 403
    assert desk.post(f"{URL}{made.pk}/change/", {"viewers": 1}).status_code == 403


def test_only_operators_see_it(client: Client, owner: User, channel: Channel) -> None:
    group(channel, 1, 9)
    sign_in(client, owner)
    assert client.get(URL, follow=True).status_code == 403


def test_the_list_costs_the_same_with_more_rows(
    desk: Client, campaign: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for rows in (1, 3):
        for number in range(rows):
            group(factories.ChannelFactory(), rows, 9 + number)
        desk.get(URL)
        with django_assert_num_queries(8):
            shown(desk)
