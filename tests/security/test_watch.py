"""Attacks on watch time, and on claims, that their own tests do not make."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.domain import links
from accounts.models import OAuthApp, Organization, User
from drops.domain.watch.tokens import issue_watch_token
from drops.models import Campaign, Category, Channel, Livestream, Progress, WatchInterval
from fulfillment.models import Claim
from tests import factories
from tests.api import bearer
from tests.factories import NOW

LETTERS = string.ascii_letters + string.digits + "-_"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def campaign(studio: Organization, category: Category) -> Campaign:
    return factories.CampaignFactory(organization=studio, category=category)


@pytest.fixture
def live(channel: Channel, category: Category) -> Livestream:
    return factories.LivestreamFactory(channel=channel, category=category)


def beat(token: str, channel: Channel, **more: Any) -> int:
    body = {"token": token, "channel_id": channel.pk, **more}
    return Client().post("/viewer/v1/beat", body, content_type="application/json").status_code


def test_no_letter_of_a_token_can_be_another(viewer: User, channel: Channel, live: Livestream) -> None:
    """The last letter of 43 carries four bits: others that mean the same bits are refused too."""
    token = issue_watch_token(viewer_id=viewer.pk, now=NOW)
    others = [token[:-1] + letter for letter in LETTERS if letter != token[-1]]
    assert len(others) == 63
    assert {beat(other, channel) for other in others} == {401}
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert beat(changed, channel) == 401, place
    assert not WatchInterval.objects.exists()


@pytest.mark.parametrize(
    "made",
    [
        "{viewer}.{expiry}",
        "{viewer}.{expiry}.",
        "{viewer}.{expiry}.{signature}.{signature}",
        " {token}",
        "{token} ",
        "{token}\n",
        "{token}=",
        "0{token}",
        "+{token}",
        "-{token}",
        "{other}.{expiry}.{signature}",
        "{viewer}.{later}.{signature}",
        "{viewer}.{expiry}e9.{signature}",
        "{viewer}.01K0TDDR08Q5ZNWXK92VRXD7GX.{expiry}.{signature}",
        "{viewer}..{expiry}.{signature}",
    ],
)
def test_a_token_of_another_shape_is_refused(
    viewer: User, stranger: User, channel: Channel, live: Livestream, made: str
) -> None:
    token = issue_watch_token(viewer_id=viewer.pk, now=NOW)
    number, expiry, signature = token.split(".")
    forged = made.format(
        token=token,
        viewer=number,
        expiry=expiry,
        signature=signature,
        other=stranger.pk,
        later=int(expiry) + 10_000,
    )
    assert beat(forged, channel) == 401
    assert not WatchInterval.objects.exists()


@pytest.mark.parametrize("story", ["off air", "goodbyes alone"])
def test_nothing_is_earned_without_watching(
    viewer: User,
    channel: Channel,
    category: Category,
    campaign: Campaign,
    clock: time_machine.Coordinates,
    story: str,
) -> None:
    if story != "off air":
        factories.LivestreamFactory(channel=channel, category=category)
    for _ in range(5):
        token = issue_watch_token(viewer_id=viewer.pk, now=NOW + timedelta(minutes=10))
        beat(token, channel, event="goodbye" if story == "goodbyes alone" else "watch")
        clock.shift(60)
    assert sum(Progress.objects.values_list("seconds", flat=True)) == 0


def test_after_a_ban_a_token_watches_for_its_five_minutes_and_claims_nothing(
    client: Client,
    viewer: User,
    channel: Channel,
    live: Livestream,
    campaign: Campaign,
    studio_app: OAuthApp,
    clock: time_machine.Coordinates,
) -> None:
    client.force_login(viewer)
    token = client.get("/viewer/v1/token").json()["data"]["token"]
    attached = factories.CampaignRewardFactory(campaign=campaign)
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
    factories.GameLinkFactory(viewer=viewer, organization=campaign.organization)
    theirs = bearer(studio_app, user=viewer, scope="drops:claim drops:watch")
    User.objects.filter(pk=viewer.pk).update(is_active=False)

    body = {"campaign_id": campaign.pk, "reward_id": attached.reward_id}
    for caller in (client, theirs):
        assert caller.post("/api/v1/drops/claim", body, "application/json").status_code == 401
        assert caller.get("/viewer/v1/token").status_code == 401
    assert not Claim.objects.exists()
    assert beat(token, channel) == 202
    clock.shift(301)
    assert beat(token, channel) == 401


def test_a_claim_is_the_same_after_unlinking_and_linking_anew(
    client: Client, viewer: User, campaign: Campaign, studio_app: OAuthApp
) -> None:
    client.force_login(viewer)
    attached = factories.CampaignRewardFactory(campaign=campaign)
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
    body = {"campaign_id": campaign.pk, "reward_id": attached.reward_id}
    answers = []
    for _ in range(2):
        links.link(viewer=viewer, app=studio_app, now=NOW)
        answers.append(client.post("/api/v1/drops/claim", body, "application/json"))
        links.unlink(viewer=viewer, organization=campaign.organization, now=NOW)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert Claim.objects.count() == 1


# What the platform may not do with people of Drops


@pytest.fixture
def platform(db: None) -> Client:
    app = factories.OAuthAppFactory(organization=None, is_platform=True)
    return bearer(app, scope="platform")


@pytest.mark.parametrize(
    "stolen",
    [{"username": "victim"}, {"username": "VICTIM"}, {"username": "new", "email": "victim@example.com"}],
)
def test_the_platform_takes_over_no_account(platform: Client, stolen: dict[str, str]) -> None:
    victim = factories.UserFactory(username="victim", email="victim@example.com")
    body = {"users": [{"platform_id": "u-1", **stolen}]}
    answer = platform.put("/platform/v1/users", body, content_type="application/json")
    assert answer.status_code == 422
    assert User.objects.get() == victim


@pytest.mark.parametrize("slug", ["streamer", "STREAMER"])
def test_the_platform_gives_no_address_of_a_channel_to_another(
    platform: Client, channel: Channel, stranger: User, slug: str
) -> None:
    body = {"channels": [{"user_id": stranger.pk, "slug": slug}]}
    answer = platform.put("/platform/v1/channels", body, content_type="application/json")
    assert answer.status_code == 422
    assert Channel.objects.get().owner == channel.owner


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-20T11:50:00+14:00"])
def test_a_report_of_another_age_is_refused(
    platform: Client, viewer: User, channel: Channel, live: Livestream, campaign: Campaign, at: str
) -> None:
    body = {"at": at, "audiences": [{"channel_id": channel.pk, "user_ids": [viewer.pk]}]}
    assert platform.post("/platform/v1/audiences", body, content_type="application/json").status_code == 422
    assert not WatchInterval.objects.exists()


def test_reports_that_go_back_and_forth_earn_the_time_once(
    platform: Client,
    viewer: User,
    channel: Channel,
    live: Livestream,
    campaign: Campaign,
    clock: time_machine.Coordinates,
) -> None:
    clock.shift(timedelta(minutes=5))
    for second in (0, 60, 0, 60, 120, 60, 0, 120, 30, 90):
        at = (NOW + timedelta(seconds=second)).isoformat()
        body = {"at": at, "audiences": [{"channel_id": channel.pk, "user_ids": [viewer.pk]}]}
        assert (
            platform.post("/platform/v1/audiences", body, content_type="application/json").status_code == 200
        )
    assert Progress.objects.get().seconds <= 120
