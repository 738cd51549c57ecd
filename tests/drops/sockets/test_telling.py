"""What sockets are told: each viewer what changed for them, through Redis, and nobody anything of others."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from functools import partial

import pytest
import redis
from django.utils import timezone
from websockets.asyncio.client import connect

from accounts.models import User
from drops.domain.catalogue import livestreams
from drops.domain.watch import news, stream
from drops.domain.watch.beats import Beat
from drops.models import Campaign
from drops.models.fields import to_ms
from drops.sockets import limits
from drops.sockets.frames import Close
from tests import factories
from tests.drops.sockets.conftest import until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _redis(valkey_url, settings):
    settings.REDIS_URL = valkey_url


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(limits, "SWEEP", 0.2)


# When the test began: the beats' times are told from it.
BEGAN = {}


@pytest.fixture(autouse=True)
def _began():
    BEGAN["at"] = to_ms(timezone.now())


@pytest.fixture
def started(studio, category, channel):
    """A campaign that runs now, whose first reward takes a minute."""
    now = timezone.now()
    day = timedelta(days=1)
    campaign = factories.CampaignFactory(
        organization=studio, category=category, starts_at=now - day, ends_at=now + day
    )
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=1, reward__name="Wings")
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=60, reward__name="Crown")
    return campaign


@pytest.fixture
def on_air(channel, category):
    return factories.LivestreamFactory(
        channel=channel, category=category, started_at=timezone.now() - timedelta(hours=1)
    )


def beat_at(viewer, channel, seconds_ago):
    """As it stands in the stream after a web process took it."""
    at = BEGAN["at"] - seconds_ago * 1000
    client = stream.client(stream.settings.REDIS_URL)
    client.xadd(
        stream.key(stream.partition_of(viewer.pk)), stream._pack(Beat(viewer.pk, channel.pk, 0)), id=f"{at}-*"
    )


def watch(viewer, channel, *seconds_ago):
    for seconds in seconds_ago:
        beat_at(viewer, channel, seconds)
    stream.credit_all(now=timezone.now)


def committed(call):
    """As a request has it that is over."""

    def run():
        from django.db import connection

        before = len(connection.run_on_commit)
        result = call()
        hooks, connection.run_on_commit[before:] = connection.run_on_commit[before:], []
        for _, hook, *_ in hooks:
            hook()
        return result

    return run


def test_progress_a_reward_and_nothing_twice(run, viewer, channel, on_air, started):
    async def look(drops):
        async with drops.client(viewer) as client:
            await drops.ask(partial(watch, viewer, channel, 100))
            assert await client.hear("status") == {
                "channel_id": channel.pk,
                "counting": True,
                "reason": None,
                "text": "Your watch time counts.",
            }
            first = await client.hear("progress")
            assert first["campaigns"][0]["seconds"] == 0
            await drops.ask(partial(watch, viewer, channel, 10))
            (campaign,) = (await client.hear("progress"))["campaigns"]
            assert campaign == {
                "id": started.pk,
                "name": started.name,
                "progress_units": 1,
                "seconds": 90,
                "rewards": [
                    {
                        "id": campaign["rewards"][0]["id"],
                        "name": "Wings",
                        "required_units": 1,
                        "progress": 1.0,
                    },
                    {
                        "id": campaign["rewards"][1]["id"],
                        "name": "Crown",
                        "required_units": 60,
                        "progress": 0.025,
                    },
                ],
            }
            reached = await client.hear("reward")
            assert reached == {
                "campaign_id": started.pk,
                "campaign": started.name,
                "id": campaign["rewards"][0]["id"],
                "name": "Wings",
            }
            drops.sockets._look_at_viewers([viewer.pk])
            await until(lambda: not drops.sockets._viewers)
            await drops.ask(lambda: None)
            assert await client.heard_until_pong() == []

    run(look, clock=timezone.now)


def test_why_it_does_not_count(run, viewer, channel, on_air):
    async def look(drops):
        async with drops.client(viewer) as client:
            await drops.ask(partial(watch, viewer, channel, 10))
            status = await client.hear("status")
            assert (status["counting"], status["reason"]) == (False, "campaign_not_live")
            assert status["text"] == "No campaign is running for this stream now."

    run(look, clock=timezone.now)


def test_a_socket_that_comes_later_is_told_how_it_stands(run, viewer, channel, on_air, started):
    async def look(drops):
        await drops.ask(partial(watch, viewer, channel, 100, 40))
        async with drops.client(viewer) as client:
            await client.say("channel_follow", channelId=channel.pk)
            assert (await client.hear("progress"))["campaigns"][0]["seconds"] == 60
            assert [
                frame["type"] for frame in await client.heard_until_pong() if frame["type"] == "reward"
            ] == []

    run(look, clock=timezone.now)


def test_another_category_an_opt_out_and_the_end_reach_who_follows(
    run, viewer, stranger, channel, streamer, on_air, started
):
    async def look(drops):
        other = await drops.ask(factories.ChannelFactory)
        async with drops.client(viewer) as client, drops.client(stranger) as elsewhere:
            await client.say("channel_follow", channelId=channel.pk)
            await elsewhere.say("channel_follow", channelId=other.pk)
            before = await client.hear("channel")
            assert before["counts"]
            assert before["category"]["name"] == "Skyforge Rally"
            await elsewhere.hear("channel")
            change = {"now": timezone.now(), "actor": streamer}
            await drops.ask(
                committed(
                    partial(
                        livestreams.change_livestream, livestream=on_air, category=None, title="x", **change
                    )
                )
            )
            after = await client.hear("channel")
            assert (after["counts"], after["reason"]) == (False, "wrong_category")
            assert after["category"] is None
            assert after["pulse"] != before["pulse"]
            await drops.ask(committed(partial(livestreams.end_livestream, livestream=on_air, **change)))
            assert (await client.hear("channel"))["reason"] == "stream_offline"
            assert await elsewhere.heard_until_pong() == []

    run(look, clock=timezone.now)


def test_a_campaign_that_ends_by_the_clock_reaches_who_follows(run, viewer, channel, on_air, started):
    async def look(drops):
        async with drops.client(viewer) as client:
            await client.say("channel_follow", channelId=channel.pk)
            assert (await client.hear("channel"))["counts"]
            over = Campaign.objects.filter(pk=started.pk)
            await drops.ask(partial(over.update, ends_at=timezone.now()))
            assert not (await client.hear("channel"))["counts"]

    run(look, clock=timezone.now)


def test_a_claim_reaches_its_viewer_alone(run, viewer, stranger, studio, rival_studio):
    told = {"claim_id": "x", "status": "delivered"}
    say = partial(news.tell_viewer, viewer_id=viewer.pk, kind="claim", data=told, organization_id=studio.pk)

    async def look(drops):
        async with (
            drops.client(viewer) as own,
            drops.client(token=drops.token(viewer, organization_id=studio.pk)) as in_the_studio,
            drops.client(token=drops.token(viewer, organization_id=rival_studio.pk)) as in_the_rivals,
            drops.client(stranger) as of_another,
        ):
            for client in (own, in_the_studio, in_the_rivals, of_another):
                await client.heard_until_pong()
            await drops.ask(committed(say))
            assert await own.hear("claim") == told
            assert await in_the_studio.hear("claim") == told
            assert await in_the_rivals.heard_until_pong() == await of_another.heard_until_pong() == []

    run(look, clock=timezone.now)


def test_a_studio_sees_its_own_campaigns_alone_and_nobody_sees_anothers(
    run, viewer, stranger, channel, category, on_air, started, studio, rival_studio
):
    rivals = factories.CampaignFactory(
        organization=rival_studio, category=category, starts_at=started.starts_at, ends_at=started.ends_at
    )
    factories.CampaignRewardFactory(campaign=rivals, required_minutes=1, reward__name="Rivals' secret")

    async def look(drops):
        async with (
            drops.client(token=drops.token(viewer, organization_id=studio.pk)) as in_the_studio,
            drops.client(stranger) as of_another,
        ):
            for client in (in_the_studio, of_another):
                await client.heard_until_pong()
            await drops.ask(partial(watch, viewer, channel, 100))
            assert [each["id"] for each in (await in_the_studio.hear("progress"))["campaigns"]] == [
                started.pk
            ]
            await drops.ask(partial(watch, viewer, channel, 10))
            heard = [await in_the_studio.hear("progress"), await in_the_studio.hear("reward")]
            heard += await in_the_studio.heard_until_pong()
            assert "Wings" in str(heard)
            assert rivals.pk not in str(heard)
            assert "secret" not in str(heard)
            assert await of_another.heard_until_pong() == []

    run(look, clock=timezone.now)


def test_a_closed_account_loses_its_sockets(run, viewer, channel, on_air, started):
    async def look(drops):
        async with drops.client(viewer) as client:
            await client.say("channel_handshake", channelId=channel.pk)
            await client.heard_until_pong()
            await drops.ask(partial(User.objects.filter(pk=viewer.pk).update, is_active=False))
            await drops.ask(partial(stream.credit_all, now=timezone.now))
            assert await client.ended() == Close.EXPIRED

    run(look, clock=timezone.now)


def test_beats_of_a_socket_go_the_way_of_all_beats(run, viewer, channel, on_air, started):
    async def look(drops):
        async with drops.client(viewer) as client:
            await client.say("channel_handshake", channelId=channel.pk)
            await client.heard_until_pong()
            assert await drops.ask(partial(stream.credit_all, now=timezone.now)) == 1
            assert (await client.hear("status"))["counting"]

    run(look, clock=timezone.now)


def test_who_does_not_read_is_cut_off_and_holds_up_nobody(run, viewer, stranger, studio):
    say = partial(
        news.tell_viewer,
        viewer_id=viewer.pk,
        kind="claim",
        data={"filling": "x" * 10_000},
        organization_id=studio.pk,
    )

    async def look(drops):
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", drops.port))
        async with (
            connect(drops.url(drops.token(viewer)), sock=deaf, compression=None, max_queue=1),
            drops.client(stranger) as other,
        ):
            await until(lambda: drops.sockets.room.count == 2)

            def cut_off():
                return viewer.pk not in drops.sockets.room.viewers

            async with asyncio.timeout(60):
                while not cut_off():
                    await drops.ask(committed(say))
                    for open_socket in list(drops.sockets.room.sockets()):
                        waiting = open_socket.transport.get_write_buffer_size()
                        assert waiting <= limits.UNREAD + 11_000
                    await asyncio.sleep(0.01)
            await other.heard_until_pong()

    run(look, clock=timezone.now)


def test_what_is_not_heard_costs_nothing(viewer, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    news._publish([news.of_credited([viewer.pk])])


def test_a_redis_that_comes_back_is_heard_again(run, viewer, channel, on_air, started, settings):
    async def look(drops):
        with redis.from_url(settings.REDIS_URL) as admin:
            async with drops.client(viewer) as client:
                await client.say("channel_follow", channelId=channel.pk)
                await client.hear("channel")
                admin.client_kill_filter(_type="pubsub")
                await until(lambda: not drops.sockets.hears_redis)
                await drops.ask(partial(watch, viewer, channel, 100, 10))
                await until(lambda: drops.sockets.hears_redis)
                assert (await client.hear("progress"))["campaigns"][0]["seconds"] == 90

    run(look, clock=timezone.now)
