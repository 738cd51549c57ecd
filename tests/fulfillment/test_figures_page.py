"""The figures of everybody, for operators alone."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Organization, User
from drops.models import Campaign, RewardHour, WatchHour
from fulfillment.domain.analytics.fulfilment import count_fulfilment
from fulfillment.domain.delivery.hours import DAY, HOUR
from fulfillment.models import ClaimHour, FulfilmentHour, WebhookEndpoint
from tests import factories
from tests.dashboard import sign_in
from tests.factories import NOW
from tests.fulfillment.domain.analytics.test_fulfilment import claim_that_arrived
from tests.html import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client, operator: User) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield sign_in(client, operator)


def watched(campaign: Campaign, minutes: int, days: int = 0, **more: Any) -> WatchHour:
    channel = more.pop("channel", None) or factories.ChannelFactory()
    return WatchHour.objects.create(
        campaign=campaign,
        channel=channel,
        hour=NOW - days * DAY,
        seconds=minutes * 60,
        new_viewers=minutes // 10,
        **more,
    )


@pytest.fixture
def campaigns(studio: Organization, rival_studio: Organization) -> list[Campaign]:
    big = factories.CampaignRewardFactory(campaign__organization=studio, campaign__name="Big").campaign
    small = factories.CampaignRewardFactory(campaign__organization=studio, campaign__name="Small").campaign
    other = factories.CampaignFactory(organization=rival_studio, name="Other", category=None)
    watched(big, 600)
    watched(big, 300, days=8)
    watched(small, 100)
    watched(other, 500)
    watched(other, 9_000, days=200)  # long ago
    watched(other, 9_000, test=True)
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(created_at=NOW - 30 * DAY)
    for number in range(3):
        claim_that_arrived(small, endpoint, NOW - HOUR, waits=(timedelta(minutes=number + 1),))
    claim_that_arrived(big, endpoint, NOW - 8 * DAY)
    count_fulfilment(now=NOW)
    return [big, small, other]


def rows_of(desk: Client, **asked: str) -> list[dict[str, str]]:
    answer: Any = desk.get("/admin/figures/", asked)
    return list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def test_campaigns_studios_and_categories_are_ranked(desk: Client, campaigns: list[Campaign]) -> None:
    names = [(row["name"], row["minutes"]) for row in rows_of(desk, csv="list")]
    assert names == [("Big", "900"), ("Other", "500"), ("Small", "100")]
    by_claims = rows_of(desk, csv="list", sort="claims")
    assert (by_claims[0]["name"], by_claims[0]["claims"], by_claims[0]["retries"]) == ("Small", "3", "3")
    studios = rows_of(desk, csv="list", of="studios")
    assert [(row["name"], row["minutes"], row["claims"]) for row in studios] == [
        (campaigns[0].organization.name, "1000", "4"),
        (campaigns[2].organization.name, "500", "0"),
    ]
    categories = rows_of(desk, csv="list", of="categories")
    assert sum(int(row["minutes"]) for row in categories) == 1500
    assert {row["name"] for row in categories} >= {"", campaigns[0].category.name}
    channels = rows_of(desk, csv="list", of="channels")
    assert [row["minutes"] for row in channels] == ["600", "500", "300", "100"]
    assert {row["claims"] for row in channels} == {""}


def test_the_page_and_the_file_say_the_same(desk: Client, campaigns: list[Campaign]) -> None:
    page = desk.get("/admin/figures/", {"sort": "arrived"})
    in_file = rows_of(desk, csv="list", sort="arrived")
    assert [row.name for row in page.context["rows"]] == [row["name"] for row in in_file]
    words = text_of(page)
    assert "Big 900 90" in words


def test_weeks_add_up_to_what_there_is(desk: Client, campaigns: list[Campaign]) -> None:
    weeks = rows_of(desk, csv="growth", weeks="4")
    assert len(weeks) == 4
    assert [week["minutes"] for week in weeks] == ["0", "0", "300", "1200"]
    assert [week["arrived"] for week in weeks] == ["0", "0", "1", "3"]
    assert [week["campaigns"] for week in weeks] == ["0", "0", "1", "3"]
    assert sum(int(week["claims"]) for week in weeks) == sum(
        ClaimHour.objects.values_list("claims", flat=True)
    )


@pytest.mark.parametrize("who", ["owner", "rival_owner", "viewer"])
def test_nobody_else_sees_it(client: Client, who: str, request: pytest.FixtureRequest) -> None:
    assert client.get("/admin/figures/").status_code == 302
    signed_in = sign_in(client, request.getfixturevalue(who))
    assert signed_in.get("/admin/figures/", {"csv": "list"}).status_code == 302
    assert signed_in.get("/admin/figures/", {"csv": "list"}, follow=True).status_code == 403


@pytest.mark.parametrize("number", [1, 5])
def test_more_campaigns_need_no_more_queries(
    desk: Client, studio: Organization, number: int, django_assert_num_queries: Any
) -> None:
    for _ in range(number):
        attached = factories.CampaignRewardFactory(campaign__organization=studio)
        hour = watched(attached.campaign, 10)
        RewardHour.objects.create(
            campaign=attached.campaign, reward=attached.reward, channel=hour.channel, hour=NOW, qualified=1
        )
    desk.get("/admin/figures/")
    with django_assert_num_queries(11):
        page = desk.get("/admin/figures/", {"weeks": "nonsense", "of": "nonsense", "sort": "nonsense"})
    assert len(page.context["rows"]) == number


def test_nothing_is_said_of_nothing(desk: Client) -> None:
    assert not FulfilmentHour.objects.exists()
    assert "Nothing was watched in this time." in text_of(desk.get("/admin/figures/"))
