"""The page on which a studio's support looks a viewer up."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from drops.domain.catalogue import livestreams
from drops.models import Campaign, Progress
from fulfillment.models import Claim
from tests import factories
from tests.dashboard import words
from tests.drops.domain.watch.crediting import beats
from tests.factories import NOW
from tests.fulfillment.delivering import make_delivery

URL = "/dashboard/viewers/"


@pytest.fixture
def progress(viewer: User, campaign: Campaign) -> None:
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3725)


def found_by(client: Client, term: str) -> str:
    return words(client.get(URL, {"q": term}, follow=True))


@pytest.mark.usefixtures("progress")
def test_a_viewer_is_found_by_number_name_and_game_account(
    owner_client: Client, viewer: User, studio: Organization
) -> None:
    viewer.username = "vera_77"
    viewer.save()
    link = factories.GameLinkFactory(
        viewer=viewer, organization=studio, game_account_id="player-7", game_account_name="Nightjar"
    )
    of_the_viewer = words(owner_client.get(URL, {"user_id": viewer.pk}))
    assert "Storm season" in of_the_viewer
    for term in (str(viewer.pk), viewer.username.upper(), " player-7 ", "nightjar"):
        answer = owner_client.get(URL, {"q": term})
        assert answer["Location"] == f"{URL}?user_id={viewer.pk}", term
    link.unlinked_at = NOW
    link.save()
    assert "Storm season" in found_by(owner_client, "Nightjar")
    assert viewer.email not in of_the_viewer
    assert viewer.username not in of_the_viewer


def test_two_viewers_of_one_game_account_are_told_apart(owner_client: Client, studio: Organization) -> None:
    first, second = (
        factories.GameLinkFactory(
            organization=studio, game_account_id="player-7", game_account_name="Nightjar", unlinked_at=ended
        )
        for ended in (NOW, None)
    )
    page = found_by(owner_client, "Nightjar")
    for link in (first, second):
        assert f"?user_id={link.viewer_id}" in page


@pytest.mark.parametrize("term", ["0", "-1", "nobody", "9" * 19, "9" * 120, "vera%", "²", "a\nb"])
def test_what_finds_nobody_says_so(owner_client: Client, term: str) -> None:
    assert "Nothing about this viewer" in found_by(owner_client, term) or "one line" in found_by(
        owner_client, term
    )
    assert "Nothing about this viewer" in words(owner_client.get(URL, {"user_id": term}))


def test_too_long_a_term_and_none_are_messages(owner_client: Client) -> None:
    for term in ("", "x" * 129, "1\0"):
        assert owner_client.get(URL, {"q": term}).context["form"].errors


@pytest.mark.usefixtures("progress")
def test_a_viewer_of_another_studio_is_nobody(owner_client: Client, studio: Organization) -> None:
    stranger = factories.UserFactory(username="stranger")
    link = factories.GameLinkFactory(viewer=stranger, game_account_id="theirs", game_account_name="Theirs")
    assert link.organization != studio
    for term in (str(stranger.pk), "stranger", "theirs", "Theirs"):
        page = owner_client.get(URL, {"q": term})
        assert page.context["found"] == []
        assert "Nothing about this viewer" in words(page)


def answers(client: Client, viewer: User) -> list[str]:
    case = client.get(URL, {"user_id": viewer.pk}).context["case"]
    return [answer.text for _, of_campaign in case.answers for answer in of_campaign]


@pytest.mark.usefixtures("attached")
def test_the_answer_says_where_the_reward_is(
    owner_client: Client, viewer: User, campaign: Campaign, studio: Organization
) -> None:
    livestream = factories.LivestreamFactory(channel=factories.ChannelFactory(slug="mira"), category=None)
    counting = factories.LivestreamFactory(category=campaign.category)
    beats(viewer, counting.channel, 0, 60)
    beats(viewer, livestream.channel, *range(100, 100 + 22 * 60, 60))
    progress = Progress.objects.get(viewer=viewer, campaign=campaign)

    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        (text,) = answers(owner_client, viewer)
        assert "you have watched 1 of 60 minutes" in text
        assert "Watch 59 more minutes" in text
        page = owner_client.get(URL, {"user_id": viewer.pk}).context["case"]
        assert [day.counted_seconds for day in page.days] == [60]
        assert "did not count" not in text  # another game is not the studio's business

        progress.seconds = 3600
        progress.save()
        (text,) = answers(owner_client, viewer)
        assert f"Connect your game account of {studio} first" in text

        factories.GameLinkFactory(viewer=viewer, organization=studio)
        (text,) = answers(owner_client, viewer)
        assert "You can claim it until" in text

        endpoint = factories.WebhookEndpointFactory(organization=studio)
        delivery = make_delivery(endpoint, NOW)
        reward = campaign.campaign_rewards.get().reward
        Claim.objects.filter(pk=delivery.claim_id).update(viewer=viewer, campaign=campaign, reward=reward)
        (text,) = answers(owner_client, viewer)
        assert "You claimed it on 20 November 2026, 12:00 UTC." in text
        assert f"Your claim is being sent to {studio}." in text


@pytest.mark.usefixtures("attached")
def test_the_answer_says_what_did_not_count_and_why(
    owner_client: Client, viewer: User, campaign: Campaign
) -> None:
    channel = factories.ChannelFactory(slug="mira")
    factories.LivestreamFactory(channel=channel, category=campaign.category)
    beats(viewer, channel, 0, 60)
    for second, category in ((61, None), (1381, campaign.category)):
        moment = NOW + timedelta(seconds=second)
        livestreams.go_live(channel=channel, category=category, title="", now=moment, actor=None)
        beats(viewer, channel, *range(second + 1, second + 1300, 60))

    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        (text,) = answers(owner_client, viewer)
        page = words(owner_client.get(URL, {"user_id": viewer.pk}))
    lost = "min on mira (The stream was not in the campaign's category)."
    assert re.search(rf"In the last two weeks this did not count: 2\d {re.escape(lost)}", text)
    assert "· mira · The stream was not in the campaign's category" in page


@pytest.mark.parametrize("count", [1, 4])
def test_a_look_up_costs_the_same_with_more_of_everything(
    owner_client: Client,
    studio: Organization,
    viewer: User,
    now: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    for _ in range(count):
        claim = make_delivery(endpoint, now).claim
        assert claim
        Claim.objects.filter(pk=claim.pk).update(viewer=viewer)
        factories.ProgressFactory(viewer=viewer, campaign=claim.campaign, seconds=60)
        factories.GameLinkFactory(viewer=viewer, organization=studio, unlinked_at=now)
    with django_assert_num_queries(20):
        page = owner_client.get(URL, {"user_id": viewer.pk})
    assert len(page.context["claims"]) == len(page.context["case"].links) == count
