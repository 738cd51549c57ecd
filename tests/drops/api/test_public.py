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


LIVESTREAMS = "/public/v1/livestreams"
PAGED = "/public/v2/categories"


def test_a_livestream_key_for_key(api: Client, channel: Channel, streamer: User, category: Category) -> None:
    factories.LivestreamFactory(
        channel=channel, category=category, title="Storms", language="en", viewer_count=7
    )
    assert api.get(LIVESTREAMS).json() == {
        "data": [
            {
                "broadcaster_user_id": streamer.pk,
                "category": {"id": category.pk, "name": "Skyforge Rally", "thumbnail": ""},
                "channel_id": channel.pk,
                "custom_tags": [],
                "has_mature_content": False,
                "language": "en",
                "profile_picture": "",
                "slug": "streamer",
                "started_at": "2026-11-20T10:00:00Z",
                "stream_title": "Storms",
                "thumbnail": "",
                "viewer_count": 7,
            }
        ],
        "message": "OK",
    }


def test_livestreams_of_streamers_of_a_category_or_a_language(
    api: Client, channel: Channel, streamer: User, category: Category
) -> None:
    here = factories.LivestreamFactory(channel=channel, category=category, language="en", viewer_count=1)
    there = factories.LivestreamFactory(category=None, viewer_count=2)
    factories.LivestreamFactory(ended_at=factories.NOW)

    def found(**query: object) -> list[int]:
        return [stream["channel_id"] for stream in api.get(LIVESTREAMS, query).json()["data"]]

    assert found() == [there.channel_id, here.channel_id]
    assert found(sort="started_at", limit=1, page=2) == [there.channel_id]
    assert found(broadcaster_user_id=streamer.pk) == [here.channel_id]
    assert found(category_id=category.pk) == [here.channel_id]
    assert found(category_id=2**64 - 1) == found(broadcaster_user_id=2**64 - 1) == []
    assert found(language="en") == [here.channel_id]
    assert api.get(LIVESTREAMS).json()["data"][0]["category"] == {"id": 0, "name": "", "thumbnail": ""}
    assert api.get(LIVESTREAMS, {"limit": 101}).status_code == 400
    assert Client().get(LIVESTREAMS).status_code == 401


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_public_livestreams(
    api: Client, django_assert_num_queries, count: int
) -> None:
    factories.LivestreamFactory.create_batch(count)
    with django_assert_num_queries(2):
        assert len(api.get(LIVESTREAMS).json()["data"]) == count


def test_categories_page_by_page(api: Client, category: Category) -> None:
    rest = factories.CategoryFactory.create_batch(4)
    first = api.get(PAGED, {"limit": 2}).json()
    assert first["data"][0] == {"id": category.pk, "name": "Skyforge Rally", "thumbnail": "", "tags": []}
    found, cursor = first["data"], first["pagination"]["next_cursor"]
    assert cursor == str(rest[0].pk)
    while cursor:
        page = api.get(PAGED, {"limit": 2, "cursor": cursor}).json()
        found, cursor = found + page["data"], page["pagination"]["next_cursor"]
    assert [each["id"] for each in found] == [category.pk, *(each.pk for each in rest)]


def test_categories_by_names_and_ids_however_the_list_is_written(api: Client, category: Category) -> None:
    other = factories.CategoryFactory(name="Night Shift")

    def found(query: str) -> list[int]:
        return [each["id"] for each in api.get(f"{PAGED}?{query}").json()["data"]]

    assert found("name=skyforge") == found("name[]=skyforge") == [category.pk]
    assert found("name[]=skyforge&name=night") == [category.pk, other.pk]
    assert found(f"id={other.pk}") == found(f"id[]={other.pk}&name=") == [other.pk]
    assert found(f"id={2**64 - 1}") == []
    for wrong in ("limit=1001", "limit=0", "cursor=x", f"cursor={2**63}", "name=%00", "id=x", "id=1&" * 51):
        assert api.get(f"{PAGED}?{wrong}").status_code == 400, wrong
    assert Client().get(PAGED).status_code == 401


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_paged_categories(
    api: Client, django_assert_num_queries, count: int
) -> None:
    factories.CategoryFactory.create_batch(count)
    with django_assert_num_queries(2):
        assert len(api.get(PAGED).json()["data"]) == count
