"""What clients send: every frame, the rhythms of senders in the field, and all that is refused."""

from __future__ import annotations

import json

import pytest

from drops.models import Progress, WatchInterval
from drops.sockets import limits
from drops.sockets.frames import Close
from tests import factories
from tests.drops.sockets.conftest import until

WATCH = "tracking.user.watch.livestream"


def event(channel, live, **more):
    return {"name": WATCH, "channel_id": channel.pk, "livestream_id": live.pk, **more}


def counted():
    return sum(Progress.objects.values_list("seconds", flat=True))


@pytest.mark.parametrize("every", [60, 120])
@pytest.mark.parametrize("first_event_at_once", [True, False])
def test_both_rhythms_earn_the_whole_time(
    run, clock, viewer, channel, live, campaign, every, first_event_at_once
):
    async def watch(drops):
        async with drops.client(viewer) as client:
            await client.say("channel_handshake", channelId=channel.pk)
            if first_event_at_once:
                await client.say("user_event", **event(channel, live))
            for _ in range(240 // every):
                await client.heard_until_pong()
                clock.shift(every)
                await client.say("user_event", **event(channel, live))
            await client.heard_until_pong()

    run(watch)
    assert counted() == 240


def test_a_sender_in_the_field_with_handshakes_and_pings_between_earns_the_whole_time(
    run, clock, viewer, channel, live, campaign
):
    async def watch(drops):
        async with drops.client(viewer) as client:
            for step in range(19):  # every ten seconds, three minutes long
                if step % 6 == 0:
                    await client.say("user_event", **event(channel, live))
                await client.say("channel_handshake", channelId=str(channel.pk))
                assert await client.heard_until_pong() == []
                clock.shift(10)

    run(watch)
    assert counted() == 180
    assert WatchInterval.objects.count() == 1


def test_numbers_may_be_texts(run, clock, viewer, channel, live, campaign):
    as_texts = event(channel, live, channel_id=str(channel.pk), livestream_id=str(live.pk))

    async def watch(drops):
        async with drops.client(viewer) as client:
            await client.say("channel_handshake", channelId=str(channel.pk))
            await client.heard_until_pong()
            clock.shift(60)
            await client.say("user_event", **as_texts)
            assert await client.heard_until_pong() == []

    run(watch)
    assert counted() == 60


def test_an_event_of_a_stream_that_is_over_earns_nothing(run, clock, viewer, channel, live, campaign):
    async def watch(drops):
        async with drops.client(viewer) as client:
            for _ in range(2):
                await client.say("user_event", **event(channel, live, livestream_id=live.pk + 1))
                await client.heard_until_pong()
                clock.shift(60)

    run(watch)
    assert counted() == 0
    assert WatchInterval.objects.get().reason == "stale_livestream"


@pytest.mark.parametrize("named", [True, False])
def test_a_disconnect_ends_the_visit_and_its_time_counts(run, clock, viewer, channel, live, campaign, named):
    async def watch(drops):
        async with drops.client(viewer) as client:
            await client.say("channel_handshake", channelId=channel.pk)
            await client.heard_until_pong()
            clock.shift(30)
            await client.say("channel_disconnect", **({"channelId": channel.pk} if named else {}))
            await client.heard_until_pong()
            clock.shift(30)
            await client.say("channel_handshake", channelId=channel.pk)
            await client.heard_until_pong()

    run(watch)
    assert counted() == 30
    assert WatchInterval.objects.filter(is_open=True).count() == 1


def test_a_socket_that_breaks_costs_nobody_a_second(run, clock, viewer, channel, live, campaign):
    async def watch(drops):
        for _ in range(3):
            async with drops.client(viewer) as client:
                await client.say("channel_handshake", channelId=channel.pk)
                await client.heard_until_pong()
                clock.shift(50)

    run(watch)
    assert counted() == 100  # from the first handshake to the last


def test_the_goodbye_of_one_device_leaves_the_other_one_counting(run, clock, viewer, channel, live, campaign):
    async def watch(drops):
        async with drops.client(viewer) as phone, drops.client(viewer) as desk:
            for client in (phone, desk):
                await client.say("channel_handshake", channelId=channel.pk)
                await client.heard_until_pong()
            await phone.say("channel_disconnect", channelId=channel.pk)
            await phone.heard_until_pong()
            clock.shift(60)
            await desk.say("user_event", **event(channel, live))
            await desk.heard_until_pong()

    run(watch)
    assert counted() == 60


def test_to_follow_a_channel_is_not_to_watch_it(run, clock, viewer, channel, live, campaign):
    async def follow(drops):
        async with drops.client(viewer) as client:
            await client.say("channel_follow", channelId=channel.pk)
            await client.heard_until_pong()

    run(follow)
    assert not WatchInterval.objects.exists()


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "user_event", "data": {"message": {"name": "tracking.something.else"}}},
        {"type": "pong"},
        {"type": "something_new", "data": 5},
        {"type": "ping", "data": {"message": {}}},
    ],
)
def test_what_is_none_of_ours_is_passed_over(run, viewer, channel, live, frame):
    async def send(drops):
        async with drops.client(viewer) as client:
            await client.send({"type": "ping"})
            await client.hear("pong")
            await client.send(frame)
            await client.say("ping")
            await client.hear("pong")

    run(send)
    assert not WatchInterval.objects.exists()


DEEP = "[" * 2000 + "]" * 2000


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "ping",
        "[]",
        "5",
        "null",
        "{",
        DEEP,
        '{"type": 5}',
        '{"a": ' + DEEP + "}",
        '{"type": "user_event"}',
        '{"type": "user_event", "data": {"message": 5}}',
        '{"type": "user_event", "data": {"message": {"name": 5}}}',
        '{"type": "channel_handshake", "data": {"message": {}}}',
        '{"type": "channel_handshake", "data": {"message": {"channelId": true}}}',
        '{"type": "channel_handshake", "data": {"message": {"channelId": 0}}}',
        '{"type": "channel_handshake", "data": {"message": {"channelId": -1}}}',
        '{"type": "channel_handshake", "data": {"message": {"channelId": 1.5}}}',
        '{"type": "channel_handshake", "data": {"message": {"channelId": 18446744073709551616}}}',
        '{"type": "channel_handshake", "data": {"message": {"channelId": "1e3"}}}',
        '{"type": "channel_handshake", "data": {"message": {"channelId": 4611686018427387904}}}',
        '{"type": "channel_follow", "data": {"message": {"channelId": 4611686018427387904}}}',
        json.dumps({"type": "user_event", "data": {"message": {"name": WATCH, "channel_id": "9" * 21}}}),
        '{"type": "token", "data": {"token": 5}}',
        '{"type": "token", "data": {"token": "x"}}',
    ],
)
def test_a_bad_frame_is_answered_and_the_tenth_ends_the_socket(run, viewer, channel, live, frame):
    async def send(drops):
        async with drops.client(viewer) as client:
            for _ in range(limits.BAD_FRAMES):
                await client.send(frame)
                assert (await client.hear("error"))["message"]
            await client.send(frame)
            assert await client.ended() == Close.BAD_FRAMES
        await until(lambda: drops.sockets.room.count == 0)

    run(send)
    assert not WatchInterval.objects.exists()


def test_binary_and_huge_frames_end_the_socket(run, viewer):
    async def send(drops):
        async with drops.client(viewer) as client:
            await client.send(b"\x00\x01")
            assert await client.ended() == 1003
        async with drops.client(viewer) as client:
            await client.send("x" * (limits.FRAME + 1))
            assert await client.ended() == 1009
        async with drops.client(viewer) as client:
            parts = ("x" * 100 for _ in range(limits.FRAME // 100 + 1))
            await client.connection.send(parts)
            assert await client.ended() == 1009

    run(send)


def test_more_bytes_than_any_player_sends_end_the_socket_before_they_are_read(run, viewer):
    async def send(drops):
        async with drops.client(viewer) as client:
            client.connection.transport.write(b"\x8a\x80\x00\x00\x00\x00" * (limits.BURST // 6 + 1))  # pongs
            assert await client.ended() == Close.TOO_MUCH

    run(send)


def test_a_flood_of_frames_ends_the_sockets_of_the_viewer_and_of_nobody_else(run, viewer, stranger):
    async def send(drops):
        async with (
            drops.client(viewer) as first,
            drops.client(viewer) as second,
            drops.client(stranger) as other,
        ):
            await first.flood([{"type": "ping"}] * 200)
            await second.flood([{"type": "ping"}] * 200)
            assert await second.ended() == Close.TOO_MUCH
            await first.say("ping")
            assert await first.ended() == Close.TOO_MUCH
            await other.heard_until_pong()

    run(send)


def test_one_viewer_reports_no_more_beats_than_over_http(run, settings, viewer, channel, live):
    settings.WATCH_BEATS_PER_MINUTE = 2

    async def send(drops):
        async with drops.client(viewer) as client:
            for _ in range(3):
                await client.say("user_event", **event(channel, live))
            assert (await client.hear("error"))["retry_after"] == 60

    run(send)


def test_a_socket_follows_so_many_channels(run, viewer, db):
    channels = factories.ChannelFactory.create_batch(limits.CHANNELS_OF_A_SOCKET + 1)

    async def send(drops):
        async with drops.client(viewer) as client:
            for channel in channels[:-1]:
                await client.say("channel_follow", channelId=channel.pk)
            assert [frame["type"] for frame in await client.heard_until_pong()] == []
            await client.say("channel_follow", channelId=channels[-1].pk)
            await client.hear("error")
            await client.say("channel_disconnect", channelId=channels[0].pk)
            await client.say("channel_follow", channelId=channels[-1].pk)
            assert await client.heard_until_pong() == []
        await until(lambda: drops.sockets.room.count == 0)
        assert drops.sockets.room.followers == drops.sockets.room.states == {}

    run(send)
