from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Organization, User
from drops.domain.watch import beat
from drops.domain.watch.pulse import pulse_of
from drops.models import Campaign, Category, Channel, Livestream, Reward
from tests import factories
from tests.html import assert_well_made, text_of

PAGE = "/channels/streamer/"


@pytest.fixture(autouse=True)
def _at(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def livestream(channel: Channel, category: Category) -> Livestream:
    return factories.LivestreamFactory(channel=channel, category=category, title="Warm-up laps")


@pytest.fixture
def campaign(studio: Organization, category: Category) -> Campaign:
    campaign = factories.CampaignFactory(organization=studio, category=category, name="Night Shift")
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=60, reward__name="Lantern")
    return campaign


class TestList:
    def test_shows_who_is_live_and_where_drops_are(
        self, client: Client, livestream: Livestream, campaign: Campaign, now: datetime
    ):
        factories.LivestreamFactory(title="Another game")
        factories.LivestreamFactory(title="Over", ended_at=now - timedelta(hours=1))
        response = client.get("/channels/")
        shown = {stream.title: campaigns for stream, campaigns in response.context["streams"]}
        assert shown == {"Warm-up laps": [campaign], "Another game": []}
        assert response.content.decode().count(" Drops</span>") == 1
        assert_well_made(response)

    def test_no_badge_where_the_streamer_takes_no_part(
        self, client: Client, livestream: Livestream, campaign: Campaign, now: datetime
    ):
        livestream.channel.opted_out_at = now
        livestream.channel.save()
        assert client.get("/channels/").context["streams"] == [(livestream, [])]

    def test_an_allow_list_gives_the_badge_to_its_channels_alone(
        self, client: Client, livestream: Livestream, campaign: Campaign, category: Category, now: datetime
    ):
        allowed = factories.LivestreamFactory(category=category)
        factories.AllowedChannelFactory(campaign=campaign, channel=allowed.channel)
        allowed.channel.opted_out_at = now
        allowed.channel.save()
        assert dict(client.get("/channels/").context["streams"]) == {livestream: [], allowed: [campaign]}

    def test_category_narrows_the_list_down(self, client: Client, livestream: Livestream, category: Category):
        other = factories.LivestreamFactory()
        response = client.get(f"/channels/?category={category.slug}")
        assert [stream for stream, _ in response.context["streams"]] == [livestream]
        assert other.category.name in text_of(response)  # still to be chosen

    @pytest.mark.parametrize(
        ("query", "said"),
        [("", "Nobody is live now"), ("?category=unknown", "Nobody is live in this category")],
    )
    def test_empty(self, client: Client, db: None, query: str, said: str):
        response = client.get("/channels/" + query)
        assert said in text_of(response)
        assert_well_made(response)

    @pytest.mark.parametrize("count", [1, 3])
    def test_costs_the_same_however_long_it_is(
        self,
        client: Client,
        campaign: Campaign,
        category: Category,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ):
        for _ in range(count):
            factories.LivestreamFactory(category=category)
            factories.CampaignFactory(category=category)
        # page count, streams, campaigns, allow-lists, categories
        with django_assert_num_queries(5):
            client.get("/channels/")


class TestWatchPage:
    def test_invites_a_visitor_to_sign_in(self, client: Client, livestream: Livestream, campaign: Campaign):
        response = client.get(PAGE)
        text = text_of(response)
        assert "Warm-up laps" in text
        assert "Night Shift" in text
        assert "Your watch time is not counted." in text
        assert "js/player.js" not in response.content.decode()
        assert_well_made(response)

    def test_counts_for_a_viewer_who_is_signed_in(
        self, client: Client, livestream: Livestream, campaign: Campaign, viewer: User, settings
    ):
        factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=42 * 60)
        client.force_login(viewer)
        response = client.get(PAGE)
        html = response.content.decode()
        tag = f'<script src="/static/js/player.js" data-channel="{livestream.channel_id}" data-socket='
        assert f'{tag}"{settings.SOCKET_URL}" defer' in html
        assert settings.SOCKET_URL in response.headers["Content-Security-Policy"]
        assert "Not counting yet." in text_of(response)
        assert "Next, in 18 min" in text_of(response)
        assert_well_made(response)

    def test_status_is_fetched_again_while_watching(
        self, client: Client, livestream: Livestream, campaign: Campaign, viewer: User, now: datetime
    ):
        client.force_login(viewer)
        address = PAGE + "status/"
        assert f'hx-get="{address}"' in client.get(PAGE).content.decode()
        for seconds in (120, 60, 0):
            beat.beat(
                viewer_id=viewer.pk, channel_id=livestream.channel_id, now=now - timedelta(seconds=seconds)
            )
        response = client.get(address, headers={"HX-Request": "true"})
        assert "<html" not in response.content.decode()
        assert "Counting since 20 Nov 2026, 11:58 UTC." in text_of(response)
        assert "Next, in 58 min" in text_of(response)

    def test_status_is_no_page_of_its_own(self, client: Client, livestream: Livestream):
        assert client.get(PAGE + "status/").headers["Location"] == PAGE

    def test_a_stranger_is_told_to_sign_in_and_sees_nothing_of_the_page_of_before(
        self, client: Client, livestream: Livestream, campaign: Campaign
    ):
        response = client.get(PAGE + "status/", headers={"HX-Request": "true"})
        assert text_of(response).split() == (
            [
                "You",
                "are",
                "signed",
                "out.",
                "Nothing",
                "counts",
                "until",
                "you",
                "sign",
                "in",
                "again.",
                "Sign",
                "in",
            ]
        )
        assert f"/accounts/login/?next={PAGE}" in response.content.decode()

    def test_a_stream_that_has_ended_or_changed_is_said_in_the_head_of_the_page_too(
        self, client: Client, livestream: Livestream, campaign: Campaign, viewer: User, now: datetime
    ):
        client.force_login(viewer)
        Livestream.objects.filter(pk=livestream.pk).update(title="Night laps")
        part = client.get(PAGE + "status/", headers={"HX-Request": "true"})
        assert "Night laps" in text_of(part)
        assert "<video" not in part.content.decode()  # the one that plays goes on

        Livestream.objects.filter(pk=livestream.pk).update(ended_at=now)
        part = client.get(PAGE + "status/", headers={"HX-Request": "true"})
        assert "is off air" in text_of(part)
        assert 'id="stream-picture" hx-swap-oob="true"' in part.content.decode()

    def test_a_campaign_that_ends_is_named_and_what_was_earned_stays(
        self, client: Client, livestream: Livestream, campaign: Campaign, viewer: User, now: datetime
    ):
        factories.CampaignFactory()  # of another game: not what the viewer has been earning
        factories.AllowedChannelFactory(campaign=factories.CampaignFactory(category=None))
        factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=42 * 60)
        client.force_login(viewer)
        for seconds in (120, 60):
            beat.beat(
                viewer_id=viewer.pk, channel_id=livestream.channel_id, now=now - timedelta(seconds=seconds)
            )
        Campaign.objects.filter(pk=campaign.pk).update(ends_at=now - timedelta(seconds=30))
        beat.beat(viewer_id=viewer.pk, channel_id=livestream.channel_id, now=now)

        text = text_of(client.get(PAGE + "status/", headers={"HX-Request": "true"}))

        assert "No longer running: Night Shift." in text
        assert "43" in text  # minutes watched for it

    def test_a_streamer_who_leaves_the_category_is_told_as_that_whatever_campaigns_run_elsewhere(
        self, client: Client, livestream: Livestream, campaign: Campaign, viewer: User, now: datetime
    ):
        factories.AllowedChannelFactory(campaign=factories.CampaignFactory(category=None))
        client.force_login(viewer)
        for seconds in (120, 60):
            beat.beat(
                viewer_id=viewer.pk, channel_id=livestream.channel_id, now=now - timedelta(seconds=seconds)
            )
        Livestream.objects.filter(pk=livestream.pk).update(category=factories.CategoryFactory())
        beat.beat(viewer_id=viewer.pk, channel_id=livestream.channel_id, now=now)

        text = text_of(client.get(PAGE + "status/", headers={"HX-Request": "true"}))

        assert f"{livestream.channel.slug} has left the category of Night Shift." in text

    def test_says_why_it_does_not_count_and_offers_what_to_do(
        self, client: Client, livestream: Livestream, campaign: Campaign, viewer: User, now: datetime
    ):
        other = factories.LivestreamFactory(channel__slug="elsewhere", category=campaign.category)
        for seconds in (60, 0):
            beat.beat(viewer_id=viewer.pk, channel_id=other.channel_id, now=now - timedelta(seconds=seconds))
        client.force_login(viewer)
        response = client.get(PAGE)
        assert "You are also watching elsewhere" in text_of(response)
        assert "Count here instead" in text_of(response)

    def test_too_many_of_one_network_are_told_so_and_offered_nothing_that_does_not_help(
        self,
        client: Client,
        livestream: Livestream,
        campaign: Campaign,
        viewer: User,
        now: datetime,
        settings: Settings,
    ):
        settings.WATCH_NETWORK_VIEWERS = 1
        other = factories.LivestreamFactory(category=livestream.category)
        beat.beat(viewer_id=viewer.pk, channel_id=other.channel_id, network=7, now=now - timedelta(seconds=9))
        for watching in (factories.UserFactory(), viewer):
            beat.beat(viewer_id=watching.pk, channel_id=livestream.channel_id, network=7, now=now)
        client.force_login(viewer)
        text = text_of(client.get(PAGE))
        assert "Many viewers on your network have watched streamer today" in text
        assert "Watch another channel, or use another network." in text
        assert "Count here instead" not in text

    def test_earned_reward_is_claimed_here_by_who_is_connected_and_in_the_inventory_by_others(
        self, client: Client, livestream: Livestream, campaign: Campaign, viewer: User, studio: Organization
    ):
        factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
        client.force_login(viewer)
        response = client.get(PAGE)
        assert "Claim Lantern" in text_of(response)
        assert 'href="/inventory/#ready"' in response.content.decode()
        assert 'hx-post="/inventory/claim/"' not in response.content.decode()

        factories.GameLinkFactory(viewer=viewer, organization=studio)
        response = client.get(PAGE)
        assert "Claim Lantern" in text_of(response)
        assert 'action="/inventory/claim/" hx-post="/inventory/claim/" hx-target="closest li"' in (
            response.content.decode()
        )
        assert_well_made(response)

    def test_a_link_to_the_page_is_previewed_with_stream_and_reward(
        self, client: Client, livestream: Livestream, campaign: Campaign
    ):
        preview = client.get(PAGE).content.decode()
        assert '<meta property="og:title" content="streamer is live">' in preview
        assert 'property="og:description" content="Warm-up laps: Skyforge Rally, live now."' in preview
        assert 'content="http://127.0.0.1:8000/static/img/social.png"' in preview
        Reward.objects.update(image="rewards/lantern.webp")
        preview = client.get(PAGE).content.decode()
        assert 'property="og:image" content="http://127.0.0.1:8000/media/rewards/lantern.webp"' in preview
        assert 'name="twitter:card" content="summary"' in preview

    def test_asking_whether_something_changed_costs_next_to_nothing_until_it_has(
        self,
        client: Client,
        livestream: Livestream,
        campaign: Campaign,
        viewer: User,
        now: datetime,
        django_assert_num_queries: DjangoAssertNumQueries,
    ):
        client.force_login(viewer)
        found = re.search(
            r'hx-get="(/channels/streamer/status/\?seen=\w+)"', client.get(PAGE).content.decode()
        )
        assert found
        with django_assert_num_queries(2):  # session and user
            assert client.get(found[1], headers={"HX-Request": "true"}).status_code == 204

        seen = found[1]
        changes: list[Callable[[], object]] = [
            lambda: Livestream.objects.update(title="Night laps"),
            lambda: Livestream.objects.update(category=factories.CategoryFactory()),
            lambda: Channel.objects.update(opted_out_at=now),
            lambda: Livestream.objects.update(ended_at=now),
        ]
        for later, change in enumerate(changes, start=1):
            change()
            with time_machine.travel(now + timedelta(seconds=10 * later), tick=False):
                answer = client.get(seen, headers={"HX-Request": "true"})
                assert answer.status_code == 200
                found = re.search(r'hx-get="(/channels/streamer/status/\?seen=\w+)"', answer.content.decode())
                assert found
                seen = found[1]
                assert client.get(seen, headers={"HX-Request": "true"}).status_code == 204

    def test_the_end_of_a_campaign_is_a_change_too(
        self, client: Client, livestream: Livestream, campaign: Campaign, now: datetime
    ):
        Campaign.objects.update(ends_at=now + timedelta(seconds=20))
        assert pulse_of("streamer", now=now) == pulse_of("streamer", now=now + timedelta(seconds=15))
        assert pulse_of("streamer", now=now) != pulse_of("streamer", now=now + timedelta(seconds=20))
        assert pulse_of("nobody", now=now) == ""

    def test_where_nothing_counts_the_page_leads_to_what_counts_now_begun_campaigns_first(
        self, client: Client, livestream: Livestream, campaign: Campaign, viewer: User, now: datetime
    ):
        begun = factories.CampaignFactory(name="Begun")
        factories.ProgressFactory(viewer=viewer, campaign=begun, seconds=60)
        most_watched = factories.LivestreamFactory(
            category=campaign.category, viewer_count=9, channel__slug="most-watched"
        )
        of_begun = factories.LivestreamFactory(category=begun.category, channel__slug="of-begun")
        factories.LivestreamFactory(channel__slug="counts-for-nothing")
        factories.LivestreamFactory(category=begun.category, channel__owner=viewer, channel__slug="own")
        client.force_login(viewer)
        assert client.get(PAGE).context["elsewhere"] == []  # it counts here
        Channel.objects.filter(pk=livestream.channel_id).update(opted_out_at=now)

        response = client.get(PAGE)

        assert response.context["elsewhere"] == [(of_begun, [begun]), (most_watched, [campaign])]
        assert 'href="/channels/of-begun/"' in response.content.decode()
        assert_well_made(response)
        Livestream.objects.filter(pk=livestream.pk).update(ended_at=now)
        assert response.context["elsewhere"] == client.get(PAGE).context["elsewhere"]
        client.logout()
        assert client.get(PAGE).context["elsewhere"][0] == (most_watched, [campaign])

    def test_off_air(self, client: Client, channel: Channel, campaign: Campaign, viewer: User):
        client.force_login(viewer)
        response = client.get(PAGE)
        assert "streamer is off air" in text_of(response)
        assert "<video" not in response.content.decode()
        assert "js/player.js" not in response.content.decode()
        assert_well_made(response)

    @pytest.mark.parametrize("slug", ["nobody", "x" * 200, "%00", "a.b", "É"])
    def test_unknown_channel_is_not_there(self, client: Client, channel: Channel, slug: str):
        for address in (f"/channels/{slug}/", f"/channels/{slug}/status/"):
            assert client.get(address, headers={"HX-Request": "true"}).status_code == 404

    def test_capitals_in_the_address_are_forgiven(self, client: Client, channel: Channel):
        assert client.get("/channels/Streamer/").status_code == 200

    @pytest.mark.parametrize("count", [1, 3])
    def test_costs_the_same_however_many_campaigns_count(
        self,
        client: Client,
        livestream: Livestream,
        category: Category,
        viewer: User,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ):
        for campaign in factories.CampaignFactory.create_batch(count, category=category):
            factories.CampaignRewardFactory(campaign=campaign)
        client.force_login(viewer)
        with django_assert_num_queries(34):  # ten of them for the pulse, which is kept for all
            client.get(PAGE)
        with django_assert_num_queries(24):
            client.get(PAGE)
