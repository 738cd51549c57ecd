"""The network that a beat comes from, whichever way it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from drops.domain.watch import stream
from drops.domain.watch.tokens import issue_watch_token
from drops.models import Channel, ChannelDay, NetworkDay, Reason, WatchInterval
from tests.api import bearer
from tests.factories import NOW, OAuthAppFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "live", "campaign")]


def beat(channel: Channel, viewer: User | None = None, event: str = "start", **sent: Any) -> int:
    viewer = viewer or UserFactory()
    body = {
        "token": issue_watch_token(viewer_id=viewer.pk, now=NOW),
        "channel_id": channel.pk,
        "event": event,
    }
    return Client(**sent).post("/viewer/v1/beat", body, content_type="application/json").status_code


def sizes() -> list[int]:
    return sorted(NetworkDay.objects.values_list("viewers", flat=True))


def test_viewers_of_neighbouring_addresses_are_one_group(channel: Channel) -> None:
    for last in range(5):
        assert beat(channel, REMOTE_ADDR=f"203.0.113.{last}") == 202
    beat(channel, REMOTE_ADDR="203.0.112.1")
    beat(channel, REMOTE_ADDR="::ffff:203.0.112.2")

    assert sizes() == [2, 5]


def test_nobody_makes_an_address_up(channel: Channel, settings: Any) -> None:
    for number in range(3):
        beat(channel, REMOTE_ADDR="203.0.113.1", headers={"x-forwarded-for": f"198.51.{number}.1"})
    assert sizes() == [3]

    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(2):
        forwarded_for = f"198.51.{number}.1, 192.0.2.1"
        beat(channel, REMOTE_ADDR="203.0.113.1", headers={"x-forwarded-for": forwarded_for})
    assert sizes() == [2, 3]


def test_a_beat_that_passed_by_a_proxy_is_of_who_connected_and_logs_no_address(
    channel: Channel, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    for number in range(2):
        sent = {"x-forwarded-for": f"198.51.{number}.1"}
        assert beat(channel, REMOTE_ADDR="203.0.113.1", headers=sent) == 202
    assert sizes() == [2]
    assert "198.51" not in caplog.text


@pytest.mark.parametrize(
    ("forwarded_for", "counted"),
    [
        ("192.0.2.1:4711", [1]),
        ("[2001:db8::1]:4711", [1]),
        ("2001:db8::1", [1]),
        ("unknown", []),
        ("x" * 9_000, []),
    ],
)
def test_what_a_proxy_says_may_be_no_address(
    channel: Channel, settings: Any, forwarded_for: str, counted: list[int]
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert beat(channel, headers={"x-forwarded-for": forwarded_for}) == 202
    assert sizes() == counted
    assert WatchInterval.objects.get().reason == ""


def test_a_farm_at_one_address_meets_the_limit(channel: Channel, settings: Any) -> None:
    settings.WATCH_NETWORK_VIEWERS = 3
    for _ in range(8):
        assert beat(channel, REMOTE_ADDR="203.0.113.1") == 202

    reasons = list(WatchInterval.objects.order_by("pk").values_list("reason", flat=True))
    assert reasons == [""] * 3 + [Reason.NETWORK_LIMIT] * 5
    assert sizes() == [3]


def test_reports_of_other_clients_count_too(channel: Channel, settings: Any) -> None:
    settings.WATCH_NETWORK_VIEWERS = 2
    event = [{"name": "tracking.user.watch.livestream", "channel_id": channel.pk}]
    app = OAuthAppFactory()
    for _ in range(3):
        client = bearer(app, user=UserFactory(), scope="drops:watch")
        client.post(
            "/api/v2/user/events",
            json.dumps(event),
            content_type="application/json",
            REMOTE_ADDR="203.0.113.1",
        )

    assert sizes() == [2]
    assert WatchInterval.objects.filter(reason=Reason.NETWORK_LIMIT).count() == 1


def test_audiences_of_the_platform_come_from_nowhere(channel: Channel, viewer: User, settings: Any) -> None:
    settings.WATCH_NETWORK_VIEWERS = 1
    platform = bearer(OAuthAppFactory(organization=None, is_platform=True), scope="platform")
    viewers = [UserFactory().pk for _ in range(3)]
    answer = platform.post(
        "/platform/v1/audiences",
        {"at": NOW.isoformat(), "audiences": [{"channel_id": channel.pk, "user_ids": viewers}]},
        content_type="application/json",
    )

    assert answer.status_code == 200
    assert WatchInterval.objects.filter(reason="").count() == 3
    assert not ChannelDay.objects.exists()


def test_the_network_goes_through_the_stream_and_no_address(
    channel: Channel, viewer: User, settings: Any, valkey_url: str
) -> None:
    settings.REDIS_URL = valkey_url
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for event in ("start", "watch"):
        beat(channel, viewer, event, REMOTE_ADDR="203.0.113.77", headers={"x-forwarded-for": "198.51.100.66"})
    stream._gatherer.flush()

    entries = stream.client(valkey_url).xrange(stream.key(stream.partition_of(viewer.pk)))
    (network,) = {fields[b"n"] for _, fields in entries}
    assert len(entries) == 2
    assert len(network) == 8
    for part in (b"203.0", b"198.51", bytes([203, 0, 113]), bytes([198, 51, 100])):
        assert not any(part in b"".join(fields.values()) for _, fields in entries)
    (read,) = stream._unpack(*entries[0])
    assert read.network == int.from_bytes(network, "big", signed=True) != 0


def test_an_entry_of_an_earlier_version_has_no_network(channel: Channel, viewer: User) -> None:
    (read,) = stream._unpack(b"1-1", {b"b": f"{viewer.pk} {channel.pk} 0 0 0".encode()})
    assert read.network == 0
