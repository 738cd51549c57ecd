from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from drops.models import Campaign, Channel
from tests import factories

CAMPAIGNS = "/api/v1/drops/campaigns"
LIVESTREAMS = "/api/v1/livestreams"


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(factories.NOW, tick=False):
        yield


def campaigns() -> list[dict]:
    body = Client().get(CAMPAIGNS).json()
    assert body["message"] == "Success"
    return body["data"]


def test_a_campaign_key_for_key(studio, category, channel, streamer) -> None:
    campaign = factories.CampaignFactory(organization=studio, category=category, name="Storm season")
    attached = factories.CampaignRewardFactory(campaign=campaign, required_minutes=90, reward__name="Wings")
    factories.AllowedChannelFactory(campaign=campaign, channel=channel)
    assert campaigns() == [
        {
            "id": campaign.pk,
            "name": "Storm season",
            "status": "active",
            "starts_at": "2026-11-19T12:00:00Z",
            "ends_at": "2026-11-26T12:00:00Z",
            "created_at": "2026-11-20T12:00:00Z",
            "updated_at": "2026-11-20T12:00:00Z",
            "connect_url": "https://studio.example.com/connect",
            "url": "https://studio.example.com/drops",
            "category": {
                "id": category.pk,
                "name": "Skyforge Rally",
                "slug": "skyforge-rally",
                "image_url": "",
            },
            "organization": {
                "id": studio.pk,
                "name": "Northlight Games",
                "logo_url": "",
                "url": "https://studio.example.com",
                "restricted": False,
                "email_notification": False,
            },
            "channels": [
                {
                    "id": channel.pk,
                    "slug": "streamer",
                    "description": "",
                    "banner_picture_url": "",
                    "user": {"id": streamer.pk, "username": "streamer", "profile_picture": ""},
                }
            ],
            "rewards": [
                {
                    "id": attached.reward_id,
                    "name": "Wings",
                    "image_url": "",
                    "required_units": 90,
                    "category_id": category.pk,
                    "organization_id": studio.pk,
                }
            ],
            "rule": {"id": 1, "name": "Watch to redeem"},
        }
    ]


def test_a_campaign_of_any_category_has_no_such_key_and_a_global_one_no_channels(studio) -> None:
    factories.CampaignFactory(organization=studio, category=None)
    assert "category" not in campaigns()[0]
    assert campaigns()[0]["channels"] == []


def test_the_list_is_of_public_campaigns_newest_first(studio, rival_studio) -> None:
    day = timedelta(days=1)
    ago, ahead = factories.NOW - 40 * day, factories.NOW + day
    shown = {
        "active": factories.CampaignFactory(),
        "upcoming": factories.CampaignFactory(starts_at=ahead, ends_at=ahead + day),
        "expired": factories.CampaignFactory(starts_at=ago, ends_at=factories.NOW - day),
    }
    for hidden in (
        {"published_at": None},
        {"withdrawn_at": factories.NOW},
        {"test_mode": True},
        {"starts_at": ago - 9 * day, "ends_at": ago},
        {"starts_at": ahead + 30 * day, "ends_at": ahead + 31 * day},
        {"organization__suspended_at": factories.NOW},
        {"organization__approved_at": None},
    ):
        factories.CampaignFactory(**hidden)
    listed = campaigns()
    assert {item["status"]: item["id"] for item in listed} == {
        status: campaign.pk for status, campaign in shown.items()
    }
    assert [item["id"] for item in listed] == sorted((item["id"] for item in listed), reverse=True)


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_campaigns(db, django_assert_num_queries, count: int) -> None:
    for _ in range(count):
        attached = factories.CampaignRewardFactory()
        factories.AllowedChannelFactory(campaign=attached.campaign)
    with django_assert_num_queries(3):
        assert len(campaigns()) == count


def on_air(channel: Channel, category, **fields):
    return factories.LivestreamFactory(channel=channel, category=category, **fields)


def test_the_livestreams_of_a_campaign(studio, category, channel, streamer) -> None:
    campaign = factories.CampaignFactory(organization=studio, category=category)
    stream = on_air(channel, category, title="Storms", viewer_count=3, language="en")
    factories.LivestreamFactory(category=factories.CategoryFactory())
    assert Client().get(f"{CAMPAIGNS}/{campaign.pk}/livestreams").json() == {
        "data": [
            {
                "id": stream.pk,
                "is_live": True,
                "session_title": "Storms",
                "viewer_count": 3,
                "categories": [{"id": category.pk, "name": "Skyforge Rally"}],
                "start_time": "2026-11-20T10:00:00Z",
                "language": "en",
                "is_mature": False,
                "channel": {
                    "id": channel.pk,
                    "slug": "streamer",
                    "username": "streamer",
                    "profile_picture": "",
                },
            }
        ],
        "message": "Success",
    }


def test_unknown_and_hidden_campaigns_have_no_livestreams_to_show(studio) -> None:
    draft = factories.CampaignFactory(published_at=None)
    for campaign_id in (draft.pk, "x", "01JAXK8N4QWRTY5PM7ZEBVJDS8S", "%00"):
        response = Client().get(f"{CAMPAIGNS}/{campaign_id}/livestreams")
        assert (response.status_code, response.json()["data"]) == (404, None)


def test_livestreams_by_category_limit_and_order(category) -> None:
    few = factories.LivestreamFactory(category=category, viewer_count=1)
    many = factories.LivestreamFactory(category=category, viewer_count=9, title="")
    other = factories.LivestreamFactory(viewer_count=5)
    factories.LivestreamFactory(category=category, ended_at=factories.NOW)

    def ids(**query) -> list[int]:
        response = Client().get(LIVESTREAMS, query)
        assert response.status_code == 200, response.content
        return [item["id"] for item in response.json()["data"]["livestreams"]]

    assert ids() == [many.pk, other.pk, few.pk]
    assert ids(category_id=category.pk) == [many.pk, few.pk]
    assert ids(category_id=category.pk, limit=1) == [many.pk]
    assert ids(sort="viewer_count_asc") == [few.pk, other.pk, many.pk]
    assert ids(category_id=2**64 - 1) == ids(category_id=0) == []


@pytest.mark.parametrize(
    ("name", "value"), [("sort", "best"), ("limit", "0"), ("limit", "101"), ("category_id", "x")]
)
def test_unknown_values_are_told(db, name: str, value: str) -> None:
    response = Client().get(LIVESTREAMS, {name: value})
    assert response.status_code == 400
    assert response.json()["message"].startswith(f"{name}: must be")


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_livestreams(db, django_assert_num_queries, count: int) -> None:
    factories.LivestreamFactory.create_batch(count)
    with django_assert_num_queries(1):
        assert len(Client().get(LIVESTREAMS).json()["data"]["livestreams"]) == count


def test_a_channel_by_slug(channel, category) -> None:
    offline = Client().get("/api/v2/channels/Streamer").json()
    assert offline == {"id": channel.pk, "slug": "streamer", "livestream": None}
    stream = on_air(channel, category, title="Storms")
    assert Client().get("/api/v2/channels/streamer").json()["livestream"] == {
        "id": stream.pk,
        "is_live": True,
        "session_title": "Storms",
        "viewer_count": 0,
        "categories": [{"id": category.pk, "name": "Skyforge Rally"}],
    }


def test_a_channels_streams_the_one_on_air_first(channel, category) -> None:
    before = on_air(channel, None, title="Calm", ended_at=factories.NOW - timedelta(hours=1))
    yesterday = factories.NOW - timedelta(days=1)
    first = on_air(channel, category, title="First", started_at=yesterday, ended_at=yesterday)
    over = [
        {"id": before.pk, "is_live": False, "session_title": "Calm", "categories": []},
        {
            "id": first.pk,
            "is_live": False,
            "session_title": "First",
            "categories": [{"id": category.pk, "name": "Skyforge Rally"}],
        },
    ]
    assert Client().get("/api/v2/channels/streamer/videos").json() == over
    stream = on_air(channel, category, title="Storms")
    videos = Client().get("/api/v2/channels/Streamer/videos").json()
    assert videos == [{**over[1], "id": stream.pk, "is_live": True, "session_title": "Storms"}, *over]
    page = Client().get("/api/v2/channels/streamer/videos", {"limit": 1, "page": 2}).json()
    assert page == over[:1]


def test_a_channel_without_a_stream_has_no_videos(channel) -> None:
    assert Client().get("/api/v2/channels/streamer/videos").json() == []
    for wrong in ({"limit": 101}, {"page": 1001}, {"page": 0}):
        assert Client().get("/api/v2/channels/streamer/videos", wrong).status_code == 400


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_videos(channel, django_assert_num_queries, count: int) -> None:
    for _ in range(count):
        factories.LivestreamFactory(channel=channel, ended_at=factories.NOW)
    with django_assert_num_queries(2):
        assert len(Client().get("/api/v2/channels/streamer/videos").json()) == count


@pytest.mark.parametrize("path", ["", "/videos"])
@pytest.mark.parametrize("slug", ["nobody", "%00", "x" * 500])
def test_an_unknown_channel_is_404(db, slug: str, path: str) -> None:
    response = Client().get(f"/api/v2/channels/{slug}{path}")
    assert (response.status_code, response.json()) == (404, {"data": None, "message": "No such channel."})


def test_the_dates_move_the_status_and_nothing_else_does(db) -> None:
    campaign = factories.CampaignFactory()
    Campaign.objects.filter(pk=campaign.pk).update(ends_at=factories.NOW)
    assert campaigns()[0]["status"] == "expired"
