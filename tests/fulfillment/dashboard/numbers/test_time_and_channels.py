"""The pages of a campaign over time, by channel, and of what did not count; each with its file."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from drops.models import (
    Campaign,
    Channel,
    ChannelMove,
    Livestream,
    Reason,
    RewardHour,
    UncountedHour,
    WatchHour,
)
from fulfillment.models import ClaimHour
from tests import factories
from tests.dashboard import words
from tests.factories import NOW
from tests.html import assert_well_made

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAGES = ("time/", "time/?by=hour", "channels/", "uncounted/")
FILES = ("days_in_your_zone.csv", "channel_details.csv", "uncounted_by_hour.csv")


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignRewardFactory(
        campaign__organization=studio,
        campaign__name="Storm season",
        campaign__starts_at=NOW - 3 * DAY,
        campaign__ends_at=NOW + 20 * DAY,
    ).campaign


def address(campaign: Campaign, page: str) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/numbers/{page}"


def rows_of(client: Client, campaign: Campaign, name: str) -> list[dict[str, str]]:
    text = b"".join(client.get(address(campaign, name)).streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text)))


def watched(campaign: Campaign, channel: Channel, hours_ago: int = 1, **figures: object) -> WatchHour:
    values = {"seconds": 36_000, "viewers": 10, "new_viewers": 8, "new_to_hour": 10} | figures
    at = NOW - hours_ago * HOUR
    return WatchHour.objects.create(campaign=campaign, channel=channel, hour=at, **values)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_figures_says_what_it_will_show(
    owner_client: Client, campaign: Campaign, page: str
) -> None:
    assert_well_made(owner_client.get(address(campaign, page)))
    Campaign.objects.update(starts_at=NOW + DAY, announces_at=NOW)
    assert_well_made(owner_client.get(address(campaign, page)))


def test_days_stand_beside_those_of_the_campaign_before(
    owner_client: Client, campaign: Campaign, channel: Channel
) -> None:
    before = factories.CampaignFactory(
        organization=campaign.organization,
        name="Calm season",
        starts_at=NOW - 40 * DAY,
        ends_at=NOW - 30 * DAY,
        closes_at=NOW - 29 * DAY,
    )
    watched(campaign, channel)
    watched(before, channel, hours_ago=40 * 24 - 1, seconds=7200, new_viewers=3)
    reward = campaign.campaign_rewards.get().reward
    RewardHour.objects.create(campaign=campaign, reward=reward, channel=channel, hour=NOW, qualified=5)
    ClaimHour.objects.create(campaign=campaign, reward=reward, hour=NOW, claims=4)

    page = owner_client.get(address(campaign, "time/"))
    assert_well_made(page)
    charts = dict(page.context["charts"])
    shadow, ours = charts["minutes"].series
    assert (shadow.name, shadow.dashed, list(shadow.values)) == ("Calm season", True, [120, 0, 0, 0])
    assert list(ours.values) == [0, 0, 0, 600]
    assert [mark.words for mark in charts["minutes"].marks] == ["starts"]
    assert list(charts["new"].series[0].values) == [None, 0, 0, 0]  # fewer than five
    assert list(charts["viewers"].series[1].values) == [0, 0, 0, 10]
    assert list(charts["qualified"].series[1].values) == [0, 0, 0, 5]
    assert list(charts["claims"].series[1].values) == [0, 0, 0, None]
    # Noon: half of the day has passed.
    assert list(charts["at-a-time"].series[1].values) == [0, 0, 0, 36_000 / (12 * 3600)]
    last = rows_of(owner_client, campaign, "days_in_your_zone.csv")[-1]
    assert last["from"] == "2026-11-20T00:00:00Z"
    assert [last[name] for name in ("minutes", "new_viewers", "reached", "claims")] == ["600", "8", "5", ""]


def test_hours_stand_beside_those_of_the_day_before_with_the_streams_that_started(
    owner_client: Client, owner: User, campaign: Campaign, channel: Channel
) -> None:
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Kolkata")
    watched(campaign, channel, hours_ago=1)
    watched(campaign, channel, hours_ago=25, seconds=3600)
    factories.LivestreamFactory(channel=channel, category=campaign.category, started_at=NOW - HOUR)

    page = owner_client.get(address(campaign, "time/?by=hour"))
    assert_well_made(page)
    minutes = dict(page.context["charts"])["minutes"]
    shadow, ours = minutes.series
    # Noon in UTC is 17:30 there; an hour of UTC belongs to the day in which it begins.
    assert [row[0] for row in minutes.rows][:2] == ["00:30", "01:30"]
    assert (shadow.values[16], ours.values[16], ours.values[18]) == (60, 600, None)
    assert [mark.words for mark in minutes.marks] == [channel.slug]
    assert page.context["later"] is None
    page = owner_client.get(address(campaign, f"time/?day={page.context['earlier']:%Y-%m-%d}"))
    assert list(dict(page.context["charts"])["minutes"].series[1].values)[16] == 60
    for nonsense in ("1", "2026-02-30", "0001-01-01", "9999-12-31"):
        assert owner_client.get(address(campaign, f"time/?day={nonsense}")).status_code == 200


def test_channels_are_sorted_and_their_viewers_ways_are_told(
    owner_client: Client, campaign: Campaign, channel: Channel
) -> None:
    other, absent = factories.ChannelFactory(), factories.ChannelFactory()
    watched(campaign, channel)
    watched(campaign, other, seconds=12_000, new_viewers=9, viewers=4)
    for each in (channel, other, absent):
        factories.AllowedChannelFactory(campaign=campaign, channel=each)
    factories.LivestreamFactory(channel=other, category=campaign.category, started_at=NOW - 2 * HOUR)
    for moves, start, end in ((7, channel, other), (3, other, channel)):
        ChannelMove.objects.create(campaign=campaign, from_channel=start, to_channel=end, moves=moves)

    page = owner_client.get(address(campaign, "channels/"))
    assert_well_made(page)
    assert [row.channel for row in page.context["rows"]] == [channel, other]
    assert [row.share for row in page.context["rows"]] == [0.75, 0.25]
    assert page.context["rows"][1][3:] == (9, None, 0, 1, 120, 100)
    assert page.context["never_live"] == sorted((absent, channel), key=lambda each: each.slug)
    by_new = owner_client.get(address(campaign, "channels/?sort=new_viewers"))
    assert [row.channel for row in by_new.context["rows"]] == [other, channel]
    ways = owner_client.get(address(campaign, f"channels/?channel={channel.slug}"))
    assert_well_made(ways)
    assert [tuple(move) for move in ways.context["came"]] == [(other, None)]
    assert [tuple(move) for move in ways.context["went"]] == [(other, 7)]
    assert "fewer than 5" in words(ways)
    assert owner_client.get(address(campaign, f"channels/?channel={absent.slug}")).context["chosen"] is None
    rows = rows_of(owner_client, campaign, "channel_details.csv")
    assert [(row["channel"], row["minutes"]) for row in rows] == [
        (channel.slug, "600"),
        (other.slug, "200"),
        (absent.slug, "0"),
    ]


@pytest.fixture
def lost(campaign: Campaign, channel: Channel) -> Campaign:
    """Two hours of watch time in another category, an hour ago."""
    factories.AllowedChannelFactory(campaign=campaign, channel=channel)
    common = {"campaign": campaign, "channel": channel, "hour": NOW - HOUR}
    UncountedHour.objects.create(**common, reason=Reason.WRONG_CATEGORY, seconds=7_260)
    UncountedHour.objects.create(**common, reason=Reason.STREAM_OFFLINE, seconds=60)
    return campaign


def test_what_did_not_count_is_told_by_reason_day_and_channel(
    owner_client: Client, lost: Campaign, channel: Channel
) -> None:
    page = owner_client.get(address(lost, "uncounted/"))
    assert_well_made(page)
    assert [minutes for *_, minutes, _share in page.context["reasons"]] == [121, 1]
    assert [list(each.values) for each in page.context["chart"].series] == [[0, 0, 0, 121], [0, 0, 0, 1]]
    ((where, minutes, why),) = page.context["rows"]
    assert (where, minutes, [each for _, each in why]) == (channel, 122, [121, 1])
    row = rows_of(owner_client, lost, "uncounted_by_hour.csv")[1]
    assert list(row.values()) == [
        "2026-11-20T11:00:00Z",
        str(channel.pk),
        channel.slug,
        "wrong_category",
        "7260",
    ]


def test_a_listed_channel_in_the_wrong_category_is_told_on_home_and_on_the_overview(
    owner_client: Client, lost: Campaign, channel: Channel
) -> None:
    told = f"Viewers of {channel.slug} lost 121 minutes today."
    home = owner_client.get("/dashboard/")
    assert told in words(home)
    assert address(lost, "uncounted/") in words(home)
    overview = words(owner_client.get(f"/dashboard/campaigns/{lost.pk}/overview/"))
    assert f"{channel.slug}: 121 minutes" in overview
    UncountedHour.objects.update(hour=NOW - 13 * HOUR)
    assert told not in words(owner_client.get("/dashboard/"))
    UncountedHour.objects.update(hour=NOW - HOUR, seconds=3_599)
    assert told not in words(owner_client.get("/dashboard/"))


@pytest.mark.parametrize("page", [*PAGES, "channels/?channel={slug}", *FILES])
def test_sixty_days_and_two_thousand_channels_take_few_queries(
    owner_client: Client,
    studio: Organization,
    campaign: Campaign,
    channel: Channel,
    page: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    Campaign.objects.update(
        announces_at=NOW - 70 * DAY, starts_at=NOW - 60 * DAY, ends_at=NOW + DAY, published_at=NOW - 70 * DAY
    )
    factories.CampaignFactory(organization=studio, starts_at=NOW - 90 * DAY, ends_at=NOW - 80 * DAY)
    users = User.objects.bulk_create(User(username=f"streamer{number}") for number in range(2_000))
    channels = Channel.objects.bulk_create(Channel(owner=user, slug=user.username) for user in users)
    channels.append(channel)
    Livestream.objects.bulk_create(
        Livestream(channel=each, category=campaign.category, started_at=NOW - HOUR, title="")
        for each in channels
    )
    for day in (0, 1, 59):
        common = [{"campaign": campaign, "channel": each, "hour": NOW - day * DAY} for each in channels]
        WatchHour.objects.bulk_create(WatchHour(**each, seconds=600, viewers=6) for each in common)
        UncountedHour.objects.bulk_create(
            UncountedHour(**each, seconds=60, reason=reason)
            for each in common
            for reason in (Reason.WRONG_CATEGORY, Reason.STREAM_OFFLINE)
        )
    with django_assert_max_num_queries(12):
        answer = owner_client.get(address(campaign, page.format(slug=channel.slug)))
        assert answer.status_code == 200
        assert not answer.streaming or b"".join(answer.streaming_content)
