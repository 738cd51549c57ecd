"""Beats over HTTP: who may send them, what is refused, and what the page is told."""

from datetime import timedelta

import pytest
from django.test import Client

from config import memory
from drops.domain.watch.tokens import issue_watch_token
from drops.models import Progress, WatchInterval
from tests.api import bearer
from tests.factories import (
    NOW,
    CampaignFactory,
    CampaignRewardFactory,
    LivestreamFactory,
    OAuthAppFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def campaign(studio, category):
    return CampaignFactory(organization=studio, category=category, name="Storm season")


@pytest.fixture
def token(viewer):
    return issue_watch_token(viewer_id=viewer.pk, now=NOW)


def post(path, body, **headers):
    return Client().post(path, body, content_type="application/json", headers=headers)


def beat(token, channel, **more):
    return post("/viewer/v1/beat", {"token": token, "channel_id": channel.pk, **more})


def status(token, channel):
    return (
        Client()
        .get(f"/viewer/v1/status?channel_id={channel.pk}", headers={"Authorization": f"Bearer {token}"})
        .json()["data"]
    )


def test_beats_with_a_token_earn_time(token, channel, live, campaign, clock):
    first = beat(token, channel, event="start", player=7)
    clock.shift(60)
    beat(token, channel, player=7)

    assert (first.status_code, first.json()) == (202, {"data": None, "message": "Accepted"})
    assert Progress.objects.get().seconds == 60


def test_the_token_may_come_as_a_header(token, channel, live):
    response = post("/viewer/v1/beat", {"channel_id": channel.pk}, Authorization=f"Bearer {token}")

    assert response.status_code == 202


def test_a_beat_needs_no_query_with_the_stream(
    token, channel, live, valkey_url, settings, django_assert_num_queries
):
    settings.REDIS_URL = valkey_url
    beat(token, channel)
    with django_assert_num_queries(0):
        assert beat(token, channel).status_code == 202


def test_a_viewer_who_is_signed_in_gets_a_token(browser, viewer, channel, live):
    response = browser.get("/viewer/v1/token")

    assert response.headers["Cache-Control"] == "no-store"
    assert response.json()["data"]["expires_in"] == 300
    assert beat(response.json()["data"]["token"], channel).status_code == 202
    assert WatchInterval.objects.get().viewer == viewer


def test_an_app_gets_a_token_for_the_viewer_who_agreed(viewer, studio):
    client = bearer(OAuthAppFactory(organization=studio), user=viewer, scope="drops:watch")

    assert client.get("/viewer/v1/token").json()["data"]["token"].startswith(f"{viewer.pk}.")


def test_an_apps_token_becomes_none_of_the_sites(viewer, studio, channel, live):
    client = bearer(OAuthAppFactory(organization=studio), user=viewer, scope="drops:watch")
    token = client.get("/viewer/v1/token").json()["data"]["token"]

    assert beat(token, channel).status_code == 202
    assert beat(token.replace(f".{studio.pk}", ""), channel).status_code == 401


def test_nobody_else_gets_a_token(studio):
    assert Client().get("/viewer/v1/token").status_code == 401
    assert bearer(OAuthAppFactory(organization=studio)).get("/viewer/v1/token").status_code == 403


def test_a_session_that_was_ended_earns_for_five_minutes_at_most(browser, channel, live, clock):
    token = browser.get("/viewer/v1/token").json()["data"]["token"]
    browser.logout()

    assert browser.get("/viewer/v1/token").status_code == 401
    clock.shift(299)
    assert beat(token, channel).status_code == 202
    clock.shift(1)
    response = beat(token, channel)
    assert response.status_code == 401
    assert "expired" in response.json()["message"]


@pytest.mark.parametrize(
    "forge",
    [
        lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"),
        lambda t: "9" + t,
        lambda t: t.replace(".", ".01K0TDDR08Q5ZNWXK92VRXD7GX.", 1),
    ],
)
def test_a_forged_token_is_refused(token, channel, live, forge):
    response = beat(forge(token), channel)

    assert response.status_code == 401
    assert "signature" in response.json()["message"]
    assert not WatchInterval.objects.exists()


@pytest.mark.parametrize("foreign", ["", "x", None, 5, "1.2.3", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(channel, live, foreign):
    response = beat(foreign, channel)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert not WatchInterval.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"channel_id": 2**62}, 404, "channel"),
        ({"channel_id": 2**63}, 400, "channel_id"),
        ({"channel_id": 2**64}, 400, "channel_id"),
        ({"channel_id": -1}, 400, "channel_id"),
        ({"channel_id": "1"}, 400, "channel_id"),
        ({"channel_id": True}, 400, "channel_id"),
        ({"channel_id": None}, 400, "channel_id"),
        ({"event": "stop"}, 400, "event"),
        ({"event": ["watch"]}, 400, "event"),
        ({"player": -1}, 400, "player"),
        ({"player": 1.5}, 400, "player"),
        ({"player": 2**53}, 400, "player"),
    ],
)
def test_a_bad_beat_is_refused(token, channel, live, change, status, said):
    response = beat(token, channel, **change)

    assert response.status_code == status
    assert response.json()["data"] is None
    assert said in response.json()["message"]
    assert not WatchInterval.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"beat"', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"[" * 100_000, "application/json", 400),
        (b"x" * 3_000_000, "application/json", 413),
    ],
)
def test_what_is_no_beat_is_refused(body, content_type, status):
    response = Client().post("/viewer/v1/beat", body, content_type=content_type)

    assert response.status_code == status
    assert response.json()["data"] is None


def test_only_post_beats():
    response = Client().get("/viewer/v1/beat")

    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")


def test_pages_of_any_origin_may_beat_and_no_cookie_is_looked_at(browser, channel, live):
    asked = Client().options("/viewer/v1/beat", headers={"Origin": "https://community.example"})

    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in asked.headers
    assert browser.post("/viewer/v1/beat", {"channel_id": channel.pk}, "application/json").status_code == 401


def test_a_full_stream_says_when_to_come_back(token, channel, live, valkey_url, settings):
    settings.REDIS_URL, settings.WATCH_STREAM_LIMIT = valkey_url, 1
    beat(token, channel, event="start")
    memory.forget()  # the stream's length is read once a second
    response = beat(token, channel)

    assert (response.status_code, response.headers["Retry-After"]) == (429, "10")


def test_a_stream_that_is_down_says_when_to_come_back(token, channel, live, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"

    response = beat(token, channel, event="start")

    assert (response.status_code, response.headers["Retry-After"]) == (429, "5")


def test_one_viewer_does_not_fill_the_stream(token, channel, live, settings, clock):
    settings.WATCH_BEATS_PER_MINUTE = 2
    other = issue_watch_token(viewer_id=UserFactory().pk, now=NOW)
    assert [beat(token, channel).status_code for _ in range(2)] == [202, 202]

    response = beat(token, channel)

    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert beat(other, channel).status_code == 202
    clock.shift(60)
    assert beat(token, channel).status_code == 202


def test_the_page_learns_what_counts(token, channel, live, campaign, clock):
    CampaignRewardFactory(campaign=campaign, required_minutes=3, reward__name="Storm cloak")
    assert status(token, channel)["counting"] is False
    beat(token, channel)
    clock.shift(61)
    beat(token, channel)

    assert status(token, channel) == {
        "counting": True,
        "reason": None,
        "text": "Your watch time counts.",
        "since": "2026-11-20T12:00:00Z",
        "other_channel": None,
        "campaigns": [
            {
                "id": campaign.pk,
                "name": "Storm season",
                "minutes": 1,
                "next_reward": {"name": "Storm cloak", "required_minutes": 3, "minutes_left": 2},
            }
        ],
    }


def test_the_page_learns_of_the_other_channel_and_takes_the_session_over(
    token, channel, live, campaign, category, clock
):
    other = LivestreamFactory(category=category).channel
    beat(token, other)
    clock.shift(60)
    beat(token, channel)
    told = status(token, channel)

    assert (told["counting"], told["reason"]) == (False, "other_stream_active")
    assert told["other_channel"] == {"id": other.pk, "slug": other.slug}
    beat(token, channel, event="switch")
    assert status(token, channel)["counting"] is True
    assert status(token, other)["reason"] == "other_stream_active"


def test_status_refuses_what_it_does_not_know(token, channel):
    def ask(query, token):
        return (
            Client()
            .get(f"/viewer/v1/status?{query}", headers={"Authorization": f"Bearer {token}"})
            .status_code
        )

    assert ask(f"channel_id={channel.pk}", "x") == 401
    assert ask("channel_id=x", token) == 400
    assert ask(f"channel_id={2**64}", token) == 400
    assert ask(f"channel_id={'0' * 20}{'1' * 5000}", token) == 400
    assert ask("channel_id=999999", token) == 404


def test_the_history_tells_each_visit(browser, viewer, stranger, channel, live, campaign, category, clock):
    other = LivestreamFactory(category=category).channel
    token, foreign = (issue_watch_token(viewer_id=who.pk, now=NOW) for who in (viewer, stranger))
    for second in (0, 60):
        clock.move_to(NOW + timedelta(seconds=second))
        beat(token, channel)
        beat(token, other)
        beat(foreign, other)

    answer = browser.get("/viewer/v1/history").json()["data"]

    assert answer["before"] is None
    blocked, counted = sorted(answer["visits"], key=lambda visit: visit["reason"] is None)
    assert counted == {
        "channel": {"id": channel.pk, "slug": "streamer"},
        "category": {"id": category.pk, "name": "Skyforge Rally"},
        "started_at": "2026-11-20T12:00:00Z",
        "last_beat_at": "2026-11-20T12:01:00Z",
        "counted_seconds": 60,
        "reason": None,
        "text": "",
        "campaigns": [{"id": campaign.pk, "name": "Storm season"}],
    }
    assert (blocked["reason"], blocked["counted_seconds"]) == ("other_stream_active", 0)
    assert blocked["text"] == "Another channel was counting at the same time"


@pytest.mark.parametrize("visits", [1, 3])
def test_the_history_costs_as_much_for_many_visits(
    browser, viewer, channel, live, campaign, clock, visits, django_assert_num_queries
):
    for visit in range(visits):
        token = issue_watch_token(viewer_id=viewer.pk, now=NOW + timedelta(hours=visit))
        clock.move_to(NOW + timedelta(hours=visit))
        beat(token, channel, event="start")
    with django_assert_num_queries(4):
        assert len(browser.get("/viewer/v1/history").json()["data"]["visits"]) == visits


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "before=yesterday"])
def test_a_bad_question_for_the_history_is_refused(browser, query):
    assert browser.get(f"/viewer/v1/history?{query}").status_code == 400
