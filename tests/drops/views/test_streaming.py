from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Organization, User
from drops.domain.catalogue import livestreams
from drops.models import Category, Channel, Livestream
from tests import factories
from tests.html import assert_well_made, text_of

DAY = timedelta(days=1)
SETTINGS = "/settings/channel/"
VERBS = ("banner/", "drops/", "stream/", "stream/end/")


@pytest.fixture(autouse=True)
def _at(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def client(client: Client, streamer: User) -> Client:
    """The streamer's browser."""
    client.force_login(streamer)
    return client


def picture(name: str = "holiday.png") -> SimpleUploadedFile:
    data = BytesIO()
    Image.new("RGB", (32, 18), "teal").save(data, "PNG")
    return SimpleUploadedFile(name, data.getvalue(), "image/png")


class TestOpening:
    def test_a_channel_is_opened(self, client: Client, streamer: User):
        response = client.get(SETTINGS)
        assert 'value="streamer"' in response.content.decode()
        assert_well_made(response)
        client.post(SETTINGS, {"slug": "Night-Drives", "description": "Rally"})
        channel = Channel.objects.get(owner=streamer)
        assert (channel.slug, channel.description, channel.opted_out_at) == ("night-drives", "Rally", None)
        assert client.get("/channels/night-drives/").status_code == 200

    @pytest.mark.parametrize(
        ("slug", "said"),
        [
            ("taken", "This address is taken."),
            ("TAKEN", "This address is taken."),
            ("a b", "Use only lower-case letters, digits, - and _."),
            ("", "This field is required."),
            ("x" * 51, "at most 50 characters"),
            ("a\0b", "Null characters are not allowed."),
        ],
    )
    def test_a_bad_address_is_refused_with_what_would_be_right(self, client: Client, slug: str, said: str):
        factories.ChannelFactory(slug="taken")
        response = client.post(SETTINGS, {"slug": slug})
        assert said in text_of(response)
        assert Channel.objects.count() == 1

    @pytest.mark.parametrize("verb", VERBS)
    def test_without_a_channel_there_is_nothing_to_change(self, client: Client, verb: str):
        assert client.post(SETTINGS + verb).status_code == 404


class TestSettings:
    def test_describes_the_channel(self, client: Client, channel: Channel):
        assert_well_made(client.get(SETTINGS))
        client.post(SETTINGS, {"description": "Every evening\nand <b>Fridays</b>"})
        assert "and &lt;b&gt;Fridays&lt;/b&gt;" in client.get("/channels/streamer/").content.decode()

    def test_banner_is_written_anew_shown_and_removed(self, client: Client, channel: Channel):
        client.post(SETTINGS + "banner/", {"banner": picture()})
        channel.refresh_from_db()
        with channel.banner.open() as written:
            assert Image.open(written).format == "WEBP"
        assert "holiday" not in channel.banner.name
        assert channel.banner.url in client.get(SETTINGS).content.decode()
        client.post(SETTINGS + "banner/", {"remove": ""})
        channel.refresh_from_db()
        assert not channel.banner

    @pytest.mark.parametrize(
        ("upload", "said"),
        [
            (SimpleUploadedFile("a.png", b"<svg onload=alert(1)>", "image/png"), "cannot read this picture"),
            (SimpleUploadedFile("a.png", b"", "image/png"), "empty"),
            (None, "This field is required."),
        ],
    )
    def test_what_is_no_picture_is_refused(
        self, client: Client, channel: Channel, upload: SimpleUploadedFile | None, said: str
    ):
        response = client.post(SETTINGS + "banner/", {"banner": upload} if upload else {})
        assert said in text_of(response)
        channel.refresh_from_db()
        assert not channel.banner

    def test_says_which_campaigns_touch_the_channel(
        self, client: Client, channel: Channel, studio: Organization, now: datetime
    ):
        factories.AllowedChannelFactory(campaign__name="Chosen", channel=channel)
        factories.CampaignFactory(name="Open to all")
        factories.CampaignFactory(name="Announced", starts_at=now + DAY)
        factories.AllowedChannelFactory(campaign__name="For others")
        factories.CampaignFactory(name="Over", ends_at=now)
        factories.CampaignFactory(name="Draft", published_at=None)
        response = client.get(SETTINGS)
        shown = {campaign.name: is_allowed for campaign, is_allowed in response.context["campaigns"]}
        assert shown == {"Chosen": True, "Open to all": False, "Announced": False}
        assert "you cannot opt out" in text_of(response)

    def test_leaves_global_campaigns_and_comes_back(self, client: Client, channel: Channel, now: datetime):
        factories.CampaignFactory(name="Open to all")
        response = client.post(SETTINGS + "drops/", {"take_part": "no"}, follow=True)
        channel.refresh_from_db()
        assert channel.opted_out_at == now
        assert "Opted out" in text_of(response)
        assert_well_made(response)
        client.post(SETTINGS + "drops/", {"take_part": "yes"})
        channel.refresh_from_db()
        assert channel.opted_out_at is None

    @pytest.mark.parametrize("count", [1, 3])
    def test_costs_the_same_however_many_campaigns_there_are(
        self, client: Client, channel: Channel, count: int, django_assert_num_queries: DjangoAssertNumQueries
    ):
        for _ in range(count):
            factories.AllowedChannelFactory(channel=channel)
        with django_assert_num_queries(6):
            client.get(SETTINGS)


class TestStream:
    def test_starts_changes_and_ends(
        self, client: Client, channel: Channel, category: Category, now: datetime
    ):
        response = client.get("/channels/streamer/")
        assert "Go live" in text_of(response)
        assert_well_made(response)

        response = client.post(
            SETTINGS + "stream/", {"title": "Warm-up", "category": category.pk}, follow=True
        )
        live = Livestream.objects.get()
        assert (live.channel, live.title, live.category) == (channel, "Warm-up", category)
        assert "You are live." in text_of(response)
        assert "End the stream" in text_of(response)
        assert_well_made(response)

        response = client.post(SETTINGS + "stream/", {"title": "Finals", "category": ""}, follow=True)
        live.refresh_from_db()
        assert (live.title, live.category) == ("Finals", None)
        assert "Your stream was changed." in text_of(response)

        response = client.post(SETTINGS + "stream/end/", follow=True)
        live.refresh_from_db()
        assert live.ended_at == now
        assert "Your stream has ended." in text_of(response)

    def test_ending_is_asked_about_first(self, client: Client, channel: Channel):
        assert client.get(SETTINGS + "stream/end/").headers["Location"] == "/channels/streamer/"
        live = factories.LivestreamFactory(channel=channel)
        page = client.get("/channels/streamer/")
        assert f'<a class="button button-danger" href="{SETTINGS}stream/end/" data-dialog="end-stream">' in (
            page.content.decode()
        )
        assert_well_made(page)
        asked = client.get(SETTINGS + "stream/end/")  # what the link opens without scripts
        assert "End the stream?" in text_of(asked)
        assert f'action="{SETTINGS}stream/end/"' in asked.content.decode()
        assert_well_made(asked)
        live.refresh_from_db()
        assert live.ended_at is None

    def test_ending_twice_is_fine(self, client: Client, channel: Channel):
        assert client.post(SETTINGS + "stream/end/").status_code == 302

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"title": ""}, "This field is required."),
            ({"title": "x" * 201}, "at most 200 characters"),
            ({"title": "x", "category": "99999"}, "Select a valid choice."),
            ({"title": "x", "category": "99999999999999999999"}, "Select a valid choice."),
            ({"title": "x", "category": "no"}, "Select a valid choice."),
        ],
    )
    def test_bad_input_is_refused_with_what_would_be_right(
        self, client: Client, channel: Channel, fields: dict[str, str], said: str
    ):
        response = client.post(SETTINGS + "stream/", fields)
        assert said in text_of(response)
        assert_well_made(response)
        assert not Livestream.objects.exists()

    def test_nobody_else_sees_the_form(self, channel: Channel, viewer: User):
        client = Client()
        client.force_login(viewer)
        assert "Go live" not in text_of(client.get("/channels/streamer/"))

    @pytest.mark.parametrize("verb", ["", *VERBS])
    def test_is_for_those_who_are_signed_in(self, channel: Channel, verb: str):
        response = Client().post(SETTINGS + verb, {"take_part": "no", "title": "x"})
        assert response.headers["Location"].startswith("/accounts/login/")
        channel.refresh_from_db()
        assert channel.opted_out_at is None

    @pytest.mark.parametrize(
        ("verb", "page"),
        [
            ("banner/", SETTINGS),
            ("drops/", SETTINGS),
            ("stream/", "/channels/streamer/"),
        ],
    )
    def test_after_a_sign_in_on_the_way_the_form_is_there_again(
        self, client: Client, channel: Channel, verb: str, page: str
    ):
        factories.LivestreamFactory(channel=channel)
        response = client.get(SETTINGS + verb)
        assert (response.status_code, response.headers["Location"]) == (302, page)
        assert f'action="{SETTINGS}{verb}"' in client.get(page).content.decode()


class TestWhereThePlatformReportsLivestreams:
    @pytest.fixture(autouse=True)
    def _platform_reports(self, settings: Settings) -> None:
        settings.STREAMERS_GO_LIVE = False

    def test_the_settings_do_not_send_the_streamer_to_a_form(self, client: Client, channel: Channel):
        assert "You start and end streams" not in text_of(client.get(SETTINGS))

    def test_nobody_declares_themselves_live(self, client: Client, channel: Channel):
        response = client.post(SETTINGS + "stream/", {"title": "A farm"}, follow=True)
        assert "You cannot set that here." in text_of(response)
        assert not Livestream.objects.exists()

    def test_a_stream_keeps_the_category_that_the_platform_reported(
        self, client: Client, channel: Channel, category: Category
    ):
        live = factories.LivestreamFactory(channel=channel, category=None, title="Chatting")
        client.post(SETTINGS + "stream/", {"title": "A farm", "category": category.pk})
        live.refresh_from_db()
        assert (live.category, live.title) == (None, "Chatting")

    def test_the_page_says_who_reports_and_has_no_form(self, client: Client, channel: Channel):
        response = client.get("/channels/streamer/")
        assert_well_made(response)
        assert "The platform reports when you are live and in which category." in text_of(response)
        assert f'action="{SETTINGS}stream/"' not in response.content.decode()

    def test_a_streamer_still_ends_the_stream(self, client: Client, channel: Channel):
        factories.LivestreamFactory(channel=channel)
        assert f'action="{SETTINGS}stream/end/"' in client.get("/channels/streamer/").content.decode()
        client.post(SETTINGS + "stream/end/")
        assert not Livestream.objects.filter(ended_at=None).exists()

    def test_the_platform_still_reports(self, channel: Channel, category: Category, now: datetime):
        app = factories.OAuthAppFactory(organization=None, is_platform=True)
        livestreams.go_live(channel=channel, category=category, title="Ranked", now=now, actor=app)
        assert Livestream.objects.get().category == category
