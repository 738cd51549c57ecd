"""The server of the viewer WebSocket in the test's own process, on the test's own database connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from drops.domain.watch.tokens import issue_watch_token
from drops.sockets import server
from drops.sockets.server import PATH, Sockets
from scripts.ports import free_port
from tests.factories import NOW

PATIENCE = 60  # seconds, for a machine that does much else


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


class Clock:
    """One that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def shift(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Drops:
    """A running server, and clients of it."""

    def __init__(self, sockets: Sockets, clock: Callable[[], datetime], port: int) -> None:
        self.sockets = sockets
        self.clock = clock
        self.port = port

    def token(self, viewer, **options: Any) -> str:
        return issue_watch_token(viewer_id=viewer.pk, now=self.clock(), **options)

    def url(self, token: str) -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}?token={token}"

    @asynccontextmanager
    async def client(self, viewer=None, *, token: str = "", **options: Any) -> AsyncIterator[Client]:
        url = self.url(token or self.token(viewer))
        async with connect(url, compression=None, **options) as connection:
            yield Client(connection)

    async def ask(self, call: Callable[[], Any]) -> Any:
        """In a thread of the server: nothing else uses the connection meanwhile."""
        return await self.sockets._ask(call)


class Client:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, kind: str, **message: Any) -> None:
        await self.send({"type": kind, "data": {"message": message}} if message else {"type": kind})

    async def send(self, frame: Any) -> None:
        await self.connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next frame of that type; those before it are passed over."""
        async with asyncio.timeout(PATIENCE):
            while (frame := json.loads(await self.connection.recv()))["type"] != kind:
                pass
        return frame.get("data", {})

    async def heard_until_pong(self) -> list[dict[str, Any]]:
        """All that the server said until now."""
        await self.say("ping")
        frames = []
        async with asyncio.timeout(PATIENCE):
            while (frame := json.loads(await self.connection.recv()))["type"] != "pong":
                frames.append(frame)
        return frames

    async def flood(self, frames: Iterable[Any]) -> None:
        """Send until the server ends the socket, or all of them."""
        with suppress(ConnectionClosed):
            for frame in frames:
                await self.send(frame)

    async def ended(self) -> int:
        """The code that the server closes with."""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
        return self.connection.close_code or 0


@pytest.fixture
def threads(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPoolExecutor]:
    """One thread, on the connection of the test, whose transaction it sees, and which it must not close."""
    monkeypatch.setattr(server, "close_old_connections", lambda: None)
    alias, shared = connection.alias, connections[connection.alias]
    shared.inc_thread_sharing()

    def share() -> None:
        connections[alias] = shared

    with ThreadPoolExecutor(1, initializer=share) as executor:
        yield executor
    shared.dec_thread_sharing()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run(threads: ThreadPoolExecutor, clock: Clock) -> Callable[..., None]:
    """Runs a scenario with a server: `run(scenario)`, or `run(scenario, clock=timezone.now)` with Redis' own time."""

    def run(scenario: Callable[[Drops], Awaitable[None]], clock: Callable[[], datetime] = clock) -> None:
        async def play() -> None:
            port = free_port()
            sockets = Sockets(clock=clock, threads=threads)
            drops = Drops(sockets, clock, port)
            if not settings.REDIS_URL:  # nothing is heard from elsewhere
                listening = await sockets.serve(host="127.0.0.1", port=port)
                try:
                    await scenario(drops)
                finally:
                    listening.close()
                    await listening.wait_closed()
                return
            stop = asyncio.Event()
            running = asyncio.create_task(sockets.run(host="127.0.0.1", port=port, stop=stop))
            try:
                await until(lambda: sockets.hears_redis)
                await scenario(drops)
            finally:
                stop.set()
                with suppress(asyncio.CancelledError):
                    await running

        asyncio.run(play())

    return run
