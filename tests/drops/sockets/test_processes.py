"""The real process, killed: nobody loses a second, and whoever comes back is told how it stands."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect

from scripts.ports import free_port, wait_until_listening
from scripts.valkey import configure
from tests.drops.domain.watch.test_crashes import FINISH, PREPARE, ROOT, environment, run
from tests.drops.sockets.conftest import PATIENCE, Client

pytestmark = pytest.mark.processes

CREDIT = """
from tests.drops.domain.watch import crash_lab
crash_lab.credit()
"""


@contextmanager
def running(command: list[str], port: int, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)
    try:
        wait_until_listening(port)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_restart_of_it_or_of_redis_costs_nobody_a_second(tmp_path):
    valkey, redis_url = configure(tmp_path / "valkey")
    redis_port = urlsplit(redis_url).port or 0
    settings = environment(f"sqlite:///{tmp_path}/db.sqlite3", redis_url)
    port = free_port()
    sockets = [sys.executable, "-m", "drops.sockets", "--port", str(port)]

    async def play(channel: int, token: str) -> None:
        async def ask(program: str) -> None:
            await asyncio.to_thread(run, program, settings)

        def client():
            return connect(f"ws://127.0.0.1:{port}/viewer/v1/connect?token={token}", compression=None)

        event = {"name": "tracking.user.watch.livestream", "channel_id": channel}
        with running(valkey, redis_port, settings) as redis:
            with running(sockets, port, settings) as process:
                async with client() as connection:
                    viewer = Client(connection)
                    await viewer.say("channel_handshake", channelId=channel)
                    await viewer.heard_until_pong()
                    await asyncio.sleep(1.1)
                    process.kill()
                    assert await viewer.ended() == 1006
            with running(sockets, port, settings) as process:
                async with client() as connection:
                    viewer = Client(connection)
                    await viewer.say("channel_handshake", channelId=channel)
                    await viewer.heard_until_pong()
                    await ask(CREDIT)
                    assert (await viewer.hear("status"))["counting"]
                    redis.kill()
                    redis.wait()
                    # What cannot be taken is refused, and the socket stays open.
                    while "error" not in [frame["type"] for frame in await viewer.heard_until_pong()]:
                        await viewer.say("user_event", **event)
                    with running(valkey, redis_port, settings):
                        async with asyncio.timeout(PATIENCE):
                            while True:
                                await viewer.say("user_event", **event)
                                if "error" not in [each["type"] for each in await viewer.heard_until_pong()]:
                                    break
                                await asyncio.sleep(0.2)
                        while True:  # until the process hears Redis again, and has news
                            await ask(CREDIT)
                            frames = await viewer.heard_until_pong()
                            if any(frame["type"] == "progress" for frame in frames):
                                break
                            await asyncio.sleep(0.5)
                            await viewer.say("user_event", **event)
                        process.terminate()
                        assert await viewer.ended() == 1012
                        assert process.wait(PATIENCE) == 0
                        told.append(await asyncio.to_thread(run, FINISH, settings))

    told: list[str] = []
    # The world is made without Redis: nothing is in a stream yet.
    channel, token = json.loads(run(PREPARE, settings))
    asyncio.run(play(channel, token))
    seconds, span = map(int, told[0].split())
    assert seconds == span >= 1
