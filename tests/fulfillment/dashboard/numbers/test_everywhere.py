"""Page, file, API and mail say the same of a campaign, to the last minute."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.domain.notices import switches
from accounts.models import Membership, Notice, OAuthApp, Organization, User
from drops.models import Campaign, CampaignReward, Channel, RewardHour, WatchHour
from fulfillment.dashboard.numbers.files import FILES
from fulfillment.domain.analytics.fulfilment import count_fulfilment
from fulfillment.domain.analytics.weekly import WEEKLY, write_weekly
from fulfillment.domain.delivery.hours import DAY, HOUR
from fulfillment.models import WebhookEndpoint
from tests import factories
from tests.api import bearer
from tests.dashboard import sign_in, words
from tests.drops.domain.watch.crediting import beats
from tests.factories import NOW
from tests.fulfillment.domain.analytics.test_fulfilment import acknowledge, claim_that_arrived
from tests.mails import recipients, send_notices, text_of

pytestmark = pytest.mark.django_db

# NOW is a Friday.
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@pytest.fixture
def attached(studio: Organization) -> CampaignReward:
    return factories.CampaignRewardFactory(campaign__organization=studio, required_minutes=5)


@pytest.fixture
def campaign(attached: CampaignReward, channel: Channel) -> Campaign:
    """Watched on two channels by eight viewers, one of whom reaches nothing, one in two tabs; claims that were
    delivered and acknowledged."""
    campaign = attached.campaign
    other = factories.ChannelFactory()
    for each in (channel, other):
        factories.LivestreamFactory(channel=each, category=campaign.category)
    for number in range(6):
        on = channel if number < 5 else other
        beats(factories.UserFactory(), on, *range(0, 400 + number * 37, 60))
    beats(factories.UserFactory(), other, 0, 90)
    with_two_tabs = factories.UserFactory()
    beats(with_two_tabs, channel, *range(0, 360, 60))
    beats(with_two_tabs, other, *range(5, 240, 60))
    here = factories.WebhookEndpointFactory(organization=campaign.organization)
    WebhookEndpoint.objects.filter(pk=here.pk).update(created_at=NOW - 30 * DAY)
    for number in range(3):
        claim = claim_that_arrived(
            campaign, here, NOW + (8 + number) * timedelta(minutes=1), reward=attached.reward
        )
    acknowledge(claim, NOW + timedelta(minutes=30))
    count_fulfilment(now=NOW + HOUR)
    return campaign


@pytest.fixture
def an_hour_later() -> Iterator[None]:
    with time_machine.travel(NOW + HOUR, tick=False):
        yield


def address(campaign: Campaign, name: str) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/numbers/{name}"


def file_of(client: Client, campaign: Campaign, name: str) -> list[dict[str, str]]:
    answer: Any = client.get(address(campaign, f"{name}.csv"))
    return list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def statistics(app: OAuthApp, campaign: Campaign) -> dict[str, Any]:
    api = bearer(app, scope="drops:write")
    found: dict[str, Any] = api.get(f"/public/v1/drops/campaigns/{campaign.pk}/statistics").json()["data"]
    return found


def as_text(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]


@pytest.mark.usefixtures("an_hour_later")
def test_page_file_api_and_mail_say_the_same(
    owner_client: Client, campaign: Campaign, studio_app: OAuthApp, mailoutbox: list[Any]
) -> None:
    found = statistics(studio_app, campaign)
    assert found["watched_minutes"] > 30
    assert found["unique_viewers"] == 8

    overview = owner_client.get(f"/dashboard/campaigns/{campaign.pk}/overview/").context
    page = owner_client.get(address(campaign, "files/")).context["report"]
    delivered = owner_client.get(address(campaign, "fulfilment/")).context["report"]
    for told in (overview["totals"], page.totals):
        assert (told.minutes, told.viewers) == (found["watched_minutes"], found["unique_viewers"])
    assert overview["claimed_rewards"] == page.claimed == found["claimed_rewards"]
    assert overview["as_of"] == page.as_of == datetime.fromisoformat(found["as_of"])
    assert delivered.as_of == datetime.fromisoformat(found["fulfilled_as_of"])

    for name in ("rewards", "funnel", "watched_for", "channels", "uncounted", "endpoints", "statuses"):
        assert found[name], name
        assert file_of(owner_client, campaign, name) == as_text(found[name]), name
    (here,) = found["endpoints"]
    whole = delivered.whole
    assert (
        (here["arrived"], here["acknowledged"]) == (whole.arrived.claims, whole.acknowledged.claims) == (3, 1)
    )
    assert here["arrived_p95_ms"] == whole.arrived.p95_ms
    by_hour = file_of(owner_client, campaign, "fulfilment")
    assert sum(int(row["arrived"]) for row in by_hour) == here["arrived"]

    (reward,) = found["rewards"]
    (row,) = overview["rewards"]
    assert (reward["qualified"], reward["claims"]) == (row.qualified, row.claimed) == (7, 3)
    of_page = owner_client.get(address(campaign, "")).context["funnel"]
    (reached,), (counts,) = found["funnel"], [each.counts for each in of_page.rewards]
    assert (reached["reached"], reached["claims"]) == (counts.reached, counts.claims) == (7, 3)
    assert (reached["delivered"], reached["acknowledged"]) == (counts.delivered, counts.acknowledged)
    assert found["watched_for"][:2] == [{"minutes": 0, "viewers": 8}, {"minutes": 5, "viewers": 7}]
    assert found["statuses"][0]["ever"] == 3
    (day,) = found["days"]
    (in_file,) = file_of(owner_client, campaign, "days")
    assert [in_file["watched_minutes"], in_file["new_viewers"]] == [str(day["watched_minutes"]), "8"]
    assert [in_file["qualified"], in_file["claims"]] == ["7", "3"]
    assert day["watched_minutes"] == found["watched_minutes"]

    write_weekly(now=MONDAY)
    mail = text_of(send_notices(MONDAY)[0])
    for line in (
        campaign.name,
        f"Watch time: {found['watched_minutes']} min",
        f"New viewers: {found['unique_viewers']}",
        "Rewards reached: 7",
        f"Claims: {found['claimed_rewards']}",
    ):
        assert line in mail.splitlines()


@pytest.mark.usefixtures("an_hour_later")
def test_groups_of_fewer_than_five_are_told_by_nothing(
    owner_client: Client, campaign: Campaign, studio_app: OAuthApp
) -> None:
    new = [row["new_viewers"] for row in statistics(studio_app, campaign)["channels"]]
    assert new == [6, None]
    assert [row["new_viewers"] for row in file_of(owner_client, campaign, "channels")] == ["6", ""]


def test_the_week_is_told_once_to_members_who_want_it(
    campaign: Campaign, owner: User, member: User, mailoutbox: list[Any]
) -> None:
    membership = Membership.objects.get(user=member)
    switches.switch(kind=WEEKLY, recipient=member, organization=membership.organization, on=False, now=NOW)
    for hours in range(-8, 60, 4):
        write_weekly(now=MONDAY + hours * HOUR)
    told = Notice.objects.filter(kind=WEEKLY.code)
    assert {notice.created_at for notice in told} == {MONDAY}
    sent = send_notices(MONDAY)
    assert owner.email in recipients(sent)
    assert member.email not in recipients(sent)
    assert {message.subject for message in sent} == {
        f"{campaign.organization}: the numbers of 16 Nov to 22 Nov"
    }


def test_a_week_without_anything_is_not_told(attached: CampaignReward) -> None:
    write_weekly(now=MONDAY)
    assert not Notice.objects.exists()


def test_test_mode_and_other_weeks_are_not_told(campaign: Campaign, channel: Channel, owner: User) -> None:
    reward = campaign.campaign_rewards.get().reward
    for hour, test in ((NOW - 7 * DAY, False), (NOW, True)):
        WatchHour.objects.create(
            campaign=campaign, channel=channel, hour=hour - HOUR, test=test, seconds=6_000, new_viewers=9
        )
        RewardHour.objects.create(campaign=campaign, reward=reward, hour=hour, test=test, qualified=9)
    write_weekly(now=MONDAY)
    data = Notice.objects.filter(kind=WEEKLY.code).first().data
    assert data["campaigns"][0]["new_viewers"] == 8
    assert data["campaigns"][0]["qualified"] == 7


def test_a_rival_sees_no_file(client: Client, rival_owner: User, campaign: Campaign) -> None:
    sign_in(client, rival_owner)
    for name in ("files/", "fulfilment/", "fulfilment.csv", *(f"{each}.csv" for each in FILES)):
        assert client.get(address(campaign, name)).status_code == 404, name


@pytest.mark.parametrize("number", [1, 9])
def test_more_channels_days_and_rewards_need_no_more_queries(
    owner_client: Client,
    attached: CampaignReward,
    number: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for each in range(number):
        factories.CampaignRewardFactory(campaign=attached.campaign)
        WatchHour.objects.create(
            campaign=attached.campaign, channel=factories.ChannelFactory(), hour=NOW - each * DAY, seconds=60
        )
    with django_assert_max_num_queries(12):
        page = owner_client.get(address(attached.campaign, "files/"))
    assert "channels.csv" in words(page)
    for name in FILES:
        with django_assert_max_num_queries(16):
            file_of(owner_client, attached.campaign, name)
    assert len(file_of(owner_client, attached.campaign, "channels")) == number
