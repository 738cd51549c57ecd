"""Watch events in the form that clients of Kick send."""

import json

import pytest
from django.test import Client

from drops.models import Progress, WatchInterval
from tests.api import bearer
from tests.factories import OAuthAppFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def events(client, body):
    return client.post("/api/v2/user/events", json.dumps(body), content_type="application/json")


def watch_event(channel, livestream_id):
    return {
        "name": "tracking.user.watch.livestream",
        "channel_id": channel.pk,
        "livestream_id": livestream_id,
    }


def test_clients_written_for_kick_earn_time(browser, viewer, studio, channel, live, campaign, clock):
    app = bearer(OAuthAppFactory(organization=studio), user=viewer, scope="drops:watch")
    assert events(browser, [watch_event(channel, live.pk)]).status_code == 200
    clock.shift(120)
    assert events(app, [{"name": "something.else"}, watch_event(channel, live.pk)]).status_code == 200

    assert Progress.objects.get().seconds == 120


def test_ids_of_events_may_be_strings(browser, channel, live, campaign, clock):
    event = watch_event(channel, live.pk) | {"channel_id": str(channel.pk), "livestream_id": str(live.pk)}
    for _ in range(2):
        assert events(browser, [event]).status_code == 200
        clock.shift(60)

    assert Progress.objects.get().seconds == 60


def test_a_report_of_a_stream_that_ended_earns_nothing(browser, channel, live, campaign, clock):
    events(browser, [watch_event(channel, live.pk + 1)])
    clock.shift(60)
    events(browser, [watch_event(channel, live.pk + 1)])

    assert not Progress.objects.exists()
    assert WatchInterval.objects.get().reason == "stale_livestream"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        (["x"], 400),
        ([{"name": 5}], 400),
        ([{"name": "tracking.user.watch.livestream"}], 400),
        ([{"name": "tracking.user.watch.livestream", "channel_id": -1}], 400),
        ([{"name": "tracking.user.watch.livestream", "channel_id": 2**64}], 400),
        ([{"name": "tracking.user.watch.livestream", "channel_id": str(2**64)}], 400),
        ([{"name": "tracking.user.watch.livestream", "channel_id": "streamer"}], 400),
        ([{"name": "tracking.user.watch.livestream", "channel_id": "-1"}], 400),
        ([{"name": "tracking.user.watch.livestream", "channel_id": "9" * 5000}], 400),
        ([{"name": "tracking.user.watch.livestream", "channel_id": 2**62}], 404),
        ([{"name": "x"}] * 101, 400),
    ],
)
def test_bad_events_are_refused(browser, channel, live, body, status):
    response = events(browser, body)

    assert response.status_code == status
    assert response.json()["data"] is None


def test_one_bad_event_and_none_counts(browser, channel, live):
    good, bad = watch_event(channel, live.pk), {"name": "tracking.user.watch.livestream", "channel_id": 0}

    assert events(browser, [good, bad]).status_code == 400
    assert not WatchInterval.objects.exists()


def test_a_million_events_are_too_many(browser):
    response = browser.post("/api/v2/user/events", f"[{'0,' * 1_000_000}0]", content_type="application/json")

    assert response.status_code in (400, 413)
    assert response.json()["data"] is None


def test_a_stranger_reports_nothing(channel, live):
    assert events(Client(), [watch_event(channel, live.pk)]).status_code == 401
