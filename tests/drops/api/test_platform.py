"""The platform API: only for the platform's own apps; all or nothing; replay-safe."""

from datetime import timedelta

import pytest
import time_machine

from accounts.models import User
from drops.models import Channel, Livestream, Progress, WatchInterval
from tests.api import bearer
from tests.factories import NOW, OAuthAppFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def platform_app():
    return OAuthAppFactory(organization=None, is_platform=True)


@pytest.fixture
def platform(platform_app):
    return bearer(platform_app, scope="platform")


def put(client, path, body):
    return client.put(path, body, content_type="application/json")


def report(client, body, key=""):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/platform/v1/audiences", body, content_type="application/json", headers=headers)


def audience(at, channel, *viewers):
    return {
        "at": at.isoformat(),
        "audiences": [{"channel_id": channel.pk, "user_ids": [viewer.pk for viewer in viewers]}],
    }


@pytest.mark.parametrize("scope", ["", "platform"])
def test_a_studio_cannot_speak_for_the_platform(studio, scope, channel):
    client = bearer(OAuthAppFactory(organization=studio), scope=scope)

    assert report(client, audience(NOW, channel)).status_code == 403
    assert put(client, f"/platform/v1/channels/{channel.pk}/livestream", {}).status_code == 403
    assert put(client, "/platform/v1/users", {}).status_code == 403
    assert put(client, "/platform/v1/channels", {}).status_code == 403


def test_the_platform_needs_the_scope(platform_app, channel):
    assert report(bearer(platform_app), audience(NOW, channel)).status_code == 403


def test_a_users_token_is_not_the_platforms(platform_app, viewer, channel):
    client = bearer(platform_app, user=viewer, scope="platform")

    assert report(client, audience(NOW, channel)).status_code == 403


def test_an_audience_earns_time(platform, viewer, stranger, channel, live, campaign, at_noon):
    report(platform, audience(NOW, channel, viewer, stranger))
    at_noon.shift(60)
    response = report(platform, audience(NOW + timedelta(seconds=60), channel, viewer, stranger))

    assert response.json() == {
        "data": {"credited_seconds": 120, "unknown_user_ids": [], "unknown_channel_ids": []},
        "message": "OK",
    }
    assert list(Progress.objects.values_list("seconds", flat=True)) == [60, 60]


def test_unknown_viewers_and_channels_are_named_and_the_others_count(
    platform, viewer, channel, live, campaign
):
    body = audience(NOW, channel, viewer)
    body["audiences"][0]["user_ids"].append(2**62)
    body["audiences"].append({"channel_id": 2**61, "user_ids": [viewer.pk]})

    data = report(platform, body).json()["data"]

    assert data == {"credited_seconds": 0, "unknown_user_ids": [2**62], "unknown_channel_ids": [2**61]}
    assert WatchInterval.objects.get().viewer == viewer


def test_a_repeat_is_answered_as_the_first_call_and_credits_nothing(
    platform, viewer, channel, live, campaign, at_noon
):
    report(platform, audience(NOW, channel, viewer))
    at_noon.shift(60)
    body = audience(NOW + timedelta(seconds=60), channel, viewer)
    first = report(platform, body, key="minute-1")
    at_noon.shift(30)
    again = report(platform, body, key="minute-1")

    assert again.json() == first.json()
    assert Progress.objects.get().seconds == 60


def test_a_repeat_without_a_key_credits_nothing_either(platform, viewer, channel, live, campaign, at_noon):
    report(platform, audience(NOW, channel, viewer))
    at_noon.shift(60)
    body = audience(NOW + timedelta(seconds=60), channel, viewer)
    report(platform, body)
    at_noon.shift(30)

    assert report(platform, body).json()["data"]["credited_seconds"] == 0
    assert Progress.objects.get().seconds == 60


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"at": "2026-11-20T12:00:06Z"}, 422, "future"),
        ({"at": "2026-11-20T11:49:59Z"}, 422, "10 minutes"),
        ({"at": "2026-11-20T12:00:00"}, 400, "at:"),
        ({"at": -1}, 400, "at:"),
        ({"at": 10**30}, 400, "at:"),
        ({"audiences": None}, 400, "audiences:"),
        ({"audiences": [{"channel_id": 1}]}, 400, "audiences:"),
        ({"audiences": [{"channel_id": 2**63, "user_ids": []}]}, 400, "audiences:"),
        ({"audiences": [{"channel_id": 1, "user_ids": [2**64]}]}, 400, "audiences:"),
        ({"audiences": [{"channel_id": 1, "user_ids": [-1]}]}, 400, "audiences:"),
        ({"audiences": [{"channel_id": 1, "user_ids": [True]}]}, 400, "audiences:"),
        ({"audiences": [{"channel_id": 1, "user_ids": ["1"]}]}, 400, "audiences:"),
        ({"audiences": [{"channel_id": 1, "user_ids": [1] * 10_001}]}, 400, "10000"),
        ({"audience": []}, 400, "audience:"),
    ],
)
def test_a_bad_report_is_refused_and_nothing_of_it_counts(
    platform, viewer, channel, live, campaign, change, status, said
):
    response = report(platform, audience(NOW, channel, viewer) | change)

    assert response.status_code == status
    assert response.json()["data"] is None
    assert said in response.json()["message"]
    assert not WatchInterval.objects.exists()


def test_a_million_viewers_are_too_many(platform, channel):
    body = '{"at": "2026-11-20T12:00:00Z", "audiences": [{"channel_id": 1, "user_ids": [%s]}]}'
    response = platform.post(
        "/platform/v1/audiences", body % ",".join(["1234567"] * 1_000_000), content_type="application/json"
    )

    assert response.status_code in (400, 413)
    assert response.json()["data"] is None


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [("{", "application/json", 400), ("[]", "application/json", 400), ("a=1", "text/plain", 415)],
)
def test_what_is_no_json_object_is_refused(platform, body, content_type, status):
    response = platform.post("/platform/v1/audiences", body, content_type=content_type)

    assert response.status_code == status
    assert response.json()["data"] is None


def test_a_livestream_starts_changes_and_ends(platform, channel, category, at_noon):
    path = f"/platform/v1/channels/{channel.pk}/livestream"
    started = put(platform, path, {"category_id": category.pk, "title": "Ranked"}).json()["data"]
    changed = put(platform, path, {"category_id": None, "title": "Talk"}).json()["data"]

    assert (started["category_id"], changed["category_id"]) == (category.pk, None)
    assert started["id"] == changed["id"]
    assert platform.delete(path).status_code == platform.delete(path).status_code == 200
    assert Livestream.objects.get().ended_at == NOW


@pytest.mark.parametrize(
    ("channel_id", "body", "status"),
    [
        ("999999", {"category_id": None, "title": ""}, 404),
        ("99999999999999999999999", {"category_id": None, "title": ""}, 404),
        ("x", {"category_id": None, "title": ""}, 404),
        # More digits than Python turns into a number.
        ("0" * 20 + "1" * 5000, {"category_id": None, "title": ""}, 404),
        (None, {"category_id": 2**62, "title": ""}, 422),
        (None, {"category_id": None, "title": "x" * 201}, 400),
        (None, {"title": ""}, 400),
        (None, [], 400),
    ],
)
def test_a_bad_livestream_is_refused(platform, channel, channel_id, body, status):
    response = put(platform, f"/platform/v1/channels/{channel_id or channel.pk}/livestream", body)

    assert response.status_code == status
    assert not Livestream.objects.exists()


def test_users_and_channels_are_made_once_and_renamed(platform):
    users = [{"platform_id": "u-1", "username": "mira"}, {"platform_id": "u-2", "username": "noa"}]
    ids = put(platform, "/platform/v1/users", {"users": users}).json()["data"]["users"]
    users[0]["username"] = "mira_2"
    again = put(platform, "/platform/v1/users", {"users": users}).json()["data"]["users"]

    assert ids == again
    assert User.objects.get(pk=ids[0]["user_id"]).username == "mira_2"

    channels = {"channels": [{"user_id": ids[0]["user_id"], "slug": "Mira"}]}
    made = put(platform, "/platform/v1/channels", channels).json()["data"]["channels"]
    channels["channels"][0]["description"] = "Every night"
    assert put(platform, "/platform/v1/channels", channels).json()["data"]["channels"] == made
    assert Channel.objects.values_list("slug", "description").get() == ("mira", "Every night")


def test_one_bad_user_and_none_is_made(platform):
    UserFactory(username="taken")
    users = [{"platform_id": "u-1", "username": "mira"}, {"platform_id": "u-2", "username": "Taken"}]
    response = put(platform, "/platform/v1/users", {"users": users})

    assert response.status_code == 422
    assert "u-2" in response.json()["message"]
    assert User.objects.count() == 1


def test_a_channel_of_nobody_is_refused(platform):
    response = put(platform, "/platform/v1/channels", {"channels": [{"user_id": 2**62, "slug": "x"}]})

    assert response.status_code == 422
    assert not Channel.objects.exists()
