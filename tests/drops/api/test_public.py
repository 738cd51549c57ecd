import pytest
from django.test import Client

from accounts.models import OAuthApp, User
from drops.models import Category, Channel
from tests import factories
from tests.api import bearer

CHANNELS = "/public/v1/channels"
CATEGORIES = "/public/v1/categories"


@pytest.fixture
def api(studio_app: OAuthApp) -> Client:
    return bearer(studio_app)


def test_a_live_channel_key_for_key(
    api: Client, channel: Channel, streamer: User, category: Category
) -> None:
    factories.LivestreamFactory(
        channel=channel, category=category, title="Storms", language="en", viewer_count=7
    )
    assert api.get(CHANNELS, {"broadcaster_user_id": streamer.pk}).json() == {
        "data": [
            {
                "active_subscribers_count": 0,
                "banner_picture": "",
                "broadcaster_user_id": streamer.pk,
                "canceled_subscribers_count": 0,
                "category": {"id": category.pk, "name": "Skyforge Rally", "thumbnail": ""},
                "channel_description": "",
                "slug": "streamer",
                "stream": {
                    "custom_tags": [],
                    "is_live": True,
                    "is_mature": False,
                    "key": "",
                    "language": "en",
                    "start_time": "2026-11-20T10:00:00Z",
                    "thumbnail": "",
                    "url": "",
                    "viewer_count": 7,
                },
                "stream_title": "Storms",
            }
        ],
        "message": "OK",
    }


def test_an_offline_channel_has_the_same_keys_and_no_time(api: Client, channel: Channel) -> None:
    factories.LivestreamFactory(channel=channel, ended_at=factories.NOW)
    found = api.get(CHANNELS, {"slug": "Streamer"}).json()["data"][0]
    assert found["category"] == {"id": 0, "name": "", "thumbnail": ""}
    assert found["stream"]["is_live"] is False
    assert found["stream"]["start_time"] == "0001-01-01T00:00:00Z"
    assert len(found["stream"]) == 9


def test_without_parameters_it_is_the_own_channel(
    studio_app: OAuthApp, channel: Channel, streamer: User, viewer: User
) -> None:
    own = bearer(studio_app, user=streamer, scope="channel:read").get(CHANNELS).json()["data"]
    assert [found["slug"] for found in own] == ["streamer"]
    assert bearer(studio_app, user=viewer).get(CHANNELS).json()["data"] == []
    assert bearer(studio_app).get(CHANNELS).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "?broadcaster_user_id=x",
        "?broadcaster_user_id=18446744073709551616",
        "?slug=%00",
        f"?slug={'x' * 51}",
        "?broadcaster_user_id=1&slug=x",
        "?" + "&slug=a" * 51,
    ],
)
def test_bad_parameters_of_channels_are_told(api: Client, channel: Channel, query: str) -> None:
    response = api.get(CHANNELS + query)
    assert response.status_code == 400
    assert response.json()["message"].split(":")[0] in ("broadcaster_user_id", "slug")


def test_unknown_channels_are_left_out(api: Client, channel: Channel) -> None:
    assert api.get(CHANNELS, {"broadcaster_user_id": 2**64 - 1}).json()["data"] == []
    found = api.get(f"{CHANNELS}?slug=nobody&slug=streamer").json()["data"]
    assert [item["slug"] for item in found] == ["streamer"]


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_channels(api: Client, django_assert_num_queries, count: int) -> None:
    streams = factories.LivestreamFactory.create_batch(count)
    with django_assert_num_queries(3):
        found = api.get(CHANNELS, {"slug": [stream.channel.slug for stream in streams]}).json()["data"]
    assert len(found) == count


def test_categories_by_name_and_by_page(api: Client, category: Category) -> None:
    factories.CategoryFactory.create_batch(100)
    everything = [api.get(CATEGORIES, {"page": page}).json()["data"] for page in (1, 2, 3)]
    assert [len(page) for page in everything] == [100, 1, 0]
    expected = {"id": category.pk, "name": "Skyforge Rally", "thumbnail": ""}
    assert api.get(CATEGORIES, {"q": "forge"}).json() == {"data": [expected], "message": "OK"}
    assert api.get(f"{CATEGORIES}/{category.pk}").json() == {"data": expected, "message": "OK"}


@pytest.mark.parametrize("page", ["0", "-1", "x", "10001", "\x00"])
def test_a_page_that_is_none_is_told(api: Client, page: str) -> None:
    response = api.get(CATEGORIES, {"page": page})
    assert (response.status_code, response.json()["message"][:5]) == (400, "page:")


@pytest.mark.parametrize(
    ("category_id", "status"), [("0", 404), (str(2**64 - 1), 404), ("x", 400), ("-1", 400)]
)
def test_unknown_and_impossible_categories(api: Client, category_id: str, status: int) -> None:
    assert api.get(f"{CATEGORIES}/{category_id}").status_code == status


@pytest.mark.parametrize("path", [CHANNELS, CATEGORIES, f"{CATEGORIES}/1"])
def test_a_token_is_needed(db: None, path: str) -> None:
    assert Client().get(path).status_code == 401
