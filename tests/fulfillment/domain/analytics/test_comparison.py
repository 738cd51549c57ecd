"""Campaigns side by side, and who came back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.domain.users import delete_account
from accounts.models import Organization, User
from drops.models import Campaign, Channel
from fulfillment.domain.analytics.comparison import comparable, compared, comparison_table
from tests import factories
from tests.dashboard import words
from tests.drops.domain.watch import recompute
from tests.drops.domain.watch.crediting import beats
from tests.factories import NOW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def campaign_of(studio: Organization, starts_at: datetime, name: str) -> Campaign:
    return factories.CampaignFactory(
        organization=studio,
        category=None,
        name=name,
        announces_at=starts_at - DAY,
        starts_at=starts_at,
        ends_at=starts_at + 10 * DAY,
        closes_at=starts_at + 17 * DAY,
    )


@pytest.fixture
def campaigns(studio: Organization, channel: Channel) -> list[Campaign]:
    """The second began while the first ran; some viewers watched both, some one of them."""
    factories.LivestreamFactory(channel=channel, started_at=NOW - 20 * DAY)
    first = campaign_of(studio, NOW - 12 * DAY, "First")
    second = campaign_of(studio, NOW - 8 * DAY, "Second")
    return [first, second]


def seconds(days: float) -> int:
    return int(days * 86_400)


def watch(viewer: User, channel: Channel, days: float) -> None:
    beats(viewer, channel, seconds(days), seconds(days) + 60)


def test_who_watched_both_is_counted_once_however_often(campaigns: list[Campaign], channel: Channel) -> None:
    first, second = campaigns
    for _ in range(5):  # before the second began, and again when it had
        back = factories.UserFactory()
        watch(back, channel, -11)
        watch(back, channel, -1)
        watch(back, channel, -0.5)
    for _ in range(2):  # both at the same time
        watch(factories.UserFactory(), channel, -7)
    watch(factories.UserFactory(), channel, -11)
    watch(factories.UserFactory(), channel, -1)

    assert recompute.stored_pairs() == recompute.pairs() == {(first.pk, second.pk): 7}
    newest, oldest = compared([second, first], among=comparable(first.organization_id))
    assert (newest.before, newest.came_back, newest.viewers) == (first, 7, 8)
    assert (oldest.before, oldest.came_back, oldest.viewers) == (None, 0, 8)
    assert newest.minutes == 5 * 2 + 2 + 1
    assert newest.hours == 3


def test_fewer_than_five_are_not_told(campaigns: list[Campaign], channel: Channel) -> None:
    first, second = campaigns
    for _ in range(4):
        watch(factories.UserFactory(), channel, -7)
    (row,) = compared([second], among=comparable(first.organization_id))
    assert row.came_back is None
    assert comparison_table([row]).objects()[0]["came_back"] is None


def test_test_mode_and_other_studios_make_no_pair(
    campaigns: list[Campaign], channel: Channel, rival_studio: Organization, owner: User
) -> None:
    campaign_of(rival_studio, NOW - 8 * DAY, "Theirs")
    Campaign.objects.filter(pk=campaigns[1].pk).update(test_mode=True)
    watch(owner, channel, -7)
    watch(factories.UserFactory(), channel, -7)
    assert recompute.stored_pairs() == recompute.pairs() == {}


def test_whoever_deletes_the_account_stays_counted_and_is_not_recognizable(
    campaigns: list[Campaign], channel: Channel, owner_client: Client
) -> None:
    first, second = campaigns
    viewers = [factories.UserFactory(username=f"secretive_{number}") for number in range(6)]
    for viewer in viewers:
        watch(viewer, channel, -7)
    page = f"/dashboard/campaigns/{second.pk}/numbers/"
    names = ("", "fulfilment/", "compare/", "files/", "channels.csv", "days.csv", "compare.csv")

    def shown() -> list[str]:
        answers = [owner_client.get(page + name) for name in names]
        return [
            (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
            for answer in answers
        ]

    before = shown()
    delete_account(user=viewers[0], now=NOW)
    after = shown()
    rows = compared([second, first], among=comparable(first.organization_id))
    assert [row.viewers for row in rows] == [6, 6]
    assert rows[0].came_back == 6
    for told, told_after in zip(before, after, strict=True):
        assert "secretive" not in told
        assert "secretive" not in told_after


def test_the_page_compares_with_the_campaign_before_or_with_those_chosen(
    campaigns: list[Campaign], channel: Channel, owner_client: Client
) -> None:
    first, second = campaigns
    third = campaign_of(first.organization, NOW - 20 * DAY, "Third")
    for _ in range(5):
        watch(factories.UserFactory(), channel, -7)
    page = f"/dashboard/campaigns/{second.pk}/numbers/compare/"
    answer = owner_client.get(page)
    assert [row.campaign for row in answer.context["rows"]] == [second, first]
    assert "100 %" in words(answer)
    chosen = owner_client.get(page, {"with": [first.pk, third.pk, "nonsense"]})
    assert [row.campaign for row in chosen.context["rows"]] == [second, first, third]
    text = b"".join(
        owner_client.get(page.rstrip("/") + ".csv", {"with": [third.pk]}).streaming_content
    ).decode()
    assert "Third" in text
    assert "First" not in text


def test_nobody_compares_with_a_campaign_of_another_organization(
    campaigns: list[Campaign], owner_client: Client, rival_studio: Organization
) -> None:
    theirs = campaign_of(rival_studio, NOW - 9 * DAY, "Theirs")
    page = owner_client.get(f"/dashboard/campaigns/{campaigns[1].pk}/numbers/compare/", {"with": [theirs.pk]})
    assert theirs.pk not in [row.campaign.pk for row in page.context["rows"]]
    assert "Theirs" not in page.text


@pytest.mark.parametrize("number", [1, 5])
def test_more_campaigns_need_no_more_queries(
    campaigns: list[Campaign],
    owner_client: Client,
    number: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    others = [
        campaign_of(campaigns[0].organization, NOW - (30 + each) * DAY, f"Old {each}")
        for each in range(number)
    ]
    page = f"/dashboard/campaigns/{campaigns[1].pk}/numbers/compare/"
    with django_assert_max_num_queries(14):
        answer = owner_client.get(page, {"with": [other.pk for other in others]})
    assert len(answer.context["rows"]) == number + 1
