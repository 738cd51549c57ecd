"""The first page of who is signed in: what there is to do, each part in the order of what matters most."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from drops.domain.watch import beat
from drops.models import Campaign, Category, Channel, Livestream
from fulfillment.domain.home import home
from tests import factories
from tests.html import assert_well_made, text_of

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _at(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


def campaign(name: str, *, minutes: int = 60, **terms: object) -> Campaign:
    made: Campaign = factories.CampaignFactory(name=name, **terms)
    factories.CampaignRewardFactory(campaign=made, required_minutes=minutes, reward__name=f"{name} reward")
    return made


def live(category: Category | None = None, **channel: object) -> Livestream:
    stream: Livestream = factories.LivestreamFactory(
        channel=factories.ChannelFactory(**channel), category=category
    )
    return stream


def visit(viewer: User, channel: Channel, when: datetime) -> None:
    """From then for a minute."""
    for moment in (when, when + timedelta(minutes=1)):
        beat.beat(viewer_id=viewer.pk, channel_id=channel.pk, now=moment)


def test_what_is_earned_is_to_be_claimed_and_what_is_begun_comes_nearest_first(viewer: User, now: datetime):
    for name, watched in (("Far", 10), ("Earned", 60), ("Near", 50)):
        factories.ProgressFactory(viewer=viewer, campaign=campaign(name), seconds=watched * 60)
    found = home(viewer=viewer, now=now)
    assert [entry.card.campaign.name for entry in found.ready] == ["Earned"]
    assert [entry.card.campaign.name for entry in found.in_progress] == ["Near", "Far"]
    assert found.new == ()


def test_new_are_those_that_count_now_and_are_not_begun_the_latest_first(
    viewer: User, stranger: User, now: datetime
):
    campaign("Older", starts_at=now - 3 * DAY)
    campaign("Newer", starts_at=now - DAY)
    campaign("Not yet", starts_at=now + DAY)
    begun = campaign("Begun")
    factories.ProgressFactory(viewer=viewer, campaign=begun, seconds=60)
    assert [card.campaign.name for card in home(viewer=viewer, now=now).new] == ["Newer", "Older"]
    assert "Begun" in [card.campaign.name for card in home(viewer=stranger, now=now).new]


def test_the_streams_are_of_channels_that_were_watched_lately_those_that_count_first(
    viewer: User, category: Category, now: datetime
):
    counting = campaign("Storm season", category=category)
    first, last, chat = live(category), live(category), live()
    off_air, never, long_ago = live(category, slug="off-air"), live(category), live(category)
    visit(viewer, long_ago.channel, now - 40 * DAY)
    visit(viewer, first.channel, now - 3 * DAY)
    visit(viewer, last.channel, now - 2 * DAY)
    visit(viewer, chat.channel, now - DAY)
    visit(viewer, off_air.channel, now - DAY / 2)
    Livestream.objects.filter(pk=off_air.pk).update(ended_at=now)
    assert home(viewer=viewer, now=now).streams == ((last, [counting]), (first, [counting]), (chat, []))
    assert never not in [stream for stream, _ in home(viewer=viewer, now=now).streams]


def test_the_page_has_what_there_is_to_do_and_no_pitch(
    client: Client, viewer: User, channel: Channel, category: Category, now: datetime
):
    client.force_login(viewer)
    factories.LivestreamFactory(channel=channel, category=category)
    visit(viewer, channel, now - DAY)
    factories.ProgressFactory(viewer=viewer, campaign=campaign("Earned"), seconds=3600)
    factories.ProgressFactory(viewer=viewer, campaign=campaign("Begun"), seconds=600)
    campaign("Fresh")
    response = client.get("/")
    text = text_of(response)
    for part in (
        "Claim now",
        "Claim Earned reward",
        "Go on watching",
        "streamer",
        "In progress",
        "New for you",
    ):
        assert part in text
    assert "Every minute counts." not in text
    assert_well_made(response)


def test_the_page_of_a_viewer_with_nothing_to_do_leads_to_what_comes(client: Client, viewer: User):
    client.force_login(viewer)
    response = client.get("/")
    assert "No campaign is active now" in text_of(response)
    assert "See campaigns" in text_of(response)
    assert_well_made(response)


@pytest.mark.parametrize("count", [1, 3])
def test_costs_the_same_however_much_there_is(
    client: Client,
    viewer: User,
    studio: Organization,
    category: Category,
    now: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
):
    for number in range(count):
        visit(viewer, live(category).channel, now - (number + 1) * DAY)
        for name, watched in (("Earned", 3600), ("Begun", 600)):
            begun = campaign(f"{name} {number}", organization=studio)
            factories.ProgressFactory(viewer=viewer, campaign=begun, seconds=watched)
        campaign(f"New {number}", category=category)
    client.force_login(viewer)
    with django_assert_num_queries(19):
        client.get("/")
