"""The process behind the viewer WebSocket: an event loop that asks the domain in a few threads."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

import orjson
import redis.asyncio
import structlog
from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from redis.exceptions import RedisError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from drops.domain.watch import news
from drops.domain.watch.beat import UnknownChannel, beat, channel_exists
from drops.domain.watch.beats import BeatKind
from drops.domain.watch.following import on_channels, watching
from drops.domain.watch.networks import network_of
from drops.domain.watch.stream import BeatsRefused
from drops.domain.watch.tokens import TokenRefused, expiry_of, read_watch_token
from drops.sockets import frames, limits, plain
from drops.sockets.frames import BadFrame, Close
from drops.sockets.viewers import Room, Socket, Viewer

PATH = "/viewer/v1/connect"
# Seconds between two signs of life of Redis, and without any until it is taken for dead.
REDIS_PING, REDIS_SILENCE = 5.0, 12.0

log = structlog.get_logger(__name__)
# The library has a line for each socket that opens or ends.
logging.getLogger("websockets").setLevel(logging.WARNING)

Answer = TypeVar("Answer")


class Sockets:
    """`clock` tells the time of each step; `threads` ask the database and Redis."""

    def __init__(
        self, *, clock: Callable[[], datetime] = timezone.now, threads: ThreadPoolExecutor | None = None
    ) -> None:
        self.clock = clock
        self.room = Room()
        self.origins = {settings.SITE_URL, *settings.SOCKET_ORIGINS}
        self.hears_redis = False
        self._threads = threads or ThreadPoolExecutor(limits.THREADS, thread_name_prefix="sockets")
        # Viewers and channels to look at; channels: all that are followed when it is time.
        self._viewers: set[int] = set()
        self._channels: set[int] = set()
        self._has_viewers = asyncio.Event()
        self._has_channels = asyncio.Event()

    async def run(self, *, host: str, port: int, stop: asyncio.Event) -> None:
        """Serve until `stop`. Whoever is connected then is asked to come back (1012)."""
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(work()) for work in (self._listen, self._look, self._sweep)]
            server = await self.serve(host=host, port=port)
            log.info("sockets_served", host=host, port=port)
            await stop.wait()
            server.close(code=1012, reason="The server restarts: come back.")
            with suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), timeout=5)
            for task in background:
                task.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def serve(self, *, host: str, port: int) -> Server:
        return await serve(
            self._talk,  # type: ignore[arg-type]  # its sockets are ours
            host,
            port,
            create_connection=Socket,
            process_request=self._open,
            compression=None,  # frames are small, and a compressor takes 64 KiB for each socket
            server_header=None,
            open_timeout=limits.OPENING,
            ping_interval=limits.PING,
            ping_timeout=limits.PING,
            close_timeout=5,
            max_size=limits.FRAME,
            max_queue=4,
            write_limit=limits.UNREAD // 2,
            backlog=2048,
        )

    # A socket is opened

    def _open(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before the handshake: a refusal, or None."""
        address = urlsplit(request.path)
        if address.path == "/healthz":
            return plain.answer(HTTPStatus.OK, "OK")
        if address.path == "/readyz":
            is_ready = self.hears_redis
            return plain.answer(
                HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
                "OK" if is_ready else "Redis does not answer.",
                {"sockets": self.room.count},
            )
        if address.path != PATH:
            return plain.answer(HTTPStatus.NOT_FOUND, f"Connect to {PATH}?token=.")
        if request.headers.get_all("Origin") and request.headers["Origin"] not in self.origins:
            return plain.answer(HTTPStatus.FORBIDDEN, "Pages of this origin may not connect.")
        token = parse_qs(address.query).get("token", [""])[-1]
        try:
            viewer_id, organization_id = read_watch_token(token, now=self.clock())
        except TokenRefused as refused:
            return plain.answer(HTTPStatus.UNAUTHORIZED, str(refused))
        if self.room.count >= limits.SOCKETS:
            return plain.answer(HTTPStatus.SERVICE_UNAVAILABLE, "Too many sockets are open. Try again later.")
        known = self.room.viewers.get(viewer_id)
        if known is not None and len(known.sockets) >= limits.SOCKETS_OF_A_VIEWER:
            return plain.answer(HTTPStatus.TOO_MANY_REQUESTS, "You have too many sockets open. Close some.")
        connection = cast("Socket", connection)
        connection.organization_id = organization_id
        connection.expires_at = expiry_of(token)
        connection.network = network_of(plain.sender_of(connection, request))
        connection.player = 1 + secrets.randbelow(2**53 - 1)
        connection.viewer_id = viewer_id
        return None

    async def _talk(self, socket: Socket) -> None:
        viewer = self.room.enter(socket.viewer_id, socket)
        # Nobody needs its headers any more, nor should the token be in memory for longer.
        socket.request, socket.response = OPENED, None
        self._end_when_expired(socket)
        try:
            async for message in socket:
                await self._take(viewer, socket, message)
        except ConnectionClosed:
            pass
        finally:
            if socket.expiry is not None:
                socket.expiry.cancel()
            self.room.leave(viewer, socket)

    def _end_when_expired(self, socket: Socket) -> None:
        """The socket ends with its token, unless the client sends a new one before."""
        left = (socket.expires_at - self.clock()).total_seconds()
        if left > 0:
            socket.expiry = asyncio.get_running_loop().call_later(left, self._end_when_expired, socket)
        else:
            socket.refuse(Close.EXPIRED, "The watch token has expired: come back with a new one.")

    # A frame arrives

    async def _take(self, viewer: Viewer, socket: Socket, message: str | bytes) -> None:
        if viewer.is_flooding():
            socket.refuse(Close.TOO_MUCH, "Too many frames in a minute.")
        elif isinstance(message, bytes):
            socket.refuse(1003, "Send text frames.")
        else:
            try:
                await self._act(viewer, socket, *frames.read(message))
            except BadFrame as bad:
                socket.bad_frames += 1
                if socket.bad_frames > limits.BAD_FRAMES:
                    socket.refuse(Close.BAD_FRAMES, "Too many frames that are not as documented.")
                else:
                    socket.tell(frames.error(str(bad)))

    async def _act(self, viewer: Viewer, socket: Socket, kind: str, data: dict[str, Any]) -> None:
        """BadFrame. What is none of ours is passed over, as it is by Kick."""
        match kind:
            case "ping":
                socket.tell(frames.PONG)
            case "user_event":
                if (watch := frames.watch_of(frames.message_of(data))) is not None:
                    await self._watch(viewer, socket, watch.channel_id, watch.livestream_id)
            case "channel_handshake":
                channel_id = frames.channel_of(frames.message_of(data))
                if not socket.channels.get(channel_id):
                    await self._watch(viewer, socket, channel_id, kind=BeatKind.START)
            case "channel_disconnect":
                await self._leave(viewer, socket, data)
            case "channel_follow":
                await self._follow(viewer, socket, frames.channel_of(frames.message_of(data)))
            case "token":
                self._renew(viewer, socket, data)

    async def _watch(
        self,
        viewer: Viewer,
        socket: Socket,
        channel_id: int,
        livestream_id: int = 0,
        kind: BeatKind = BeatKind.WATCH,
    ) -> None:
        """A beat, as if it came over HTTP."""
        accept = partial(
            beat,
            viewer_id=viewer.id,
            channel_id=channel_id,
            now=self.clock(),
            kind=kind,
            livestream_id=livestream_id,
            player=socket.player,
            network=socket.network,
            between=kind is BeatKind.WATCH and socket.channels.get(channel_id, False),
        )
        try:
            await self._ask(accept)
        except UnknownChannel:
            raise _no_channel(channel_id) from None
        except BeatsRefused as refused:
            why = "Too much at once. Try again in a moment: the time until then is kept."
            socket.tell(frames.error(why, refused.retry_after))
            return
        self._note_follower(viewer, socket, channel_id, plays=kind is not BeatKind.GOODBYE)

    async def _leave(self, viewer: Viewer, socket: Socket, data: dict[str, Any]) -> None:
        """The player stops: on the channel that it names, or on all of this socket."""
        named = frames.channel_of(data["message"]) if isinstance(data.get("message"), dict) else 0
        for channel_id, plays in list(socket.channels.items()):
            if named in (0, channel_id):
                if plays:
                    await self._watch(viewer, socket, channel_id, kind=BeatKind.GOODBYE)
                self.room.unfollow(socket, channel_id)

    async def _follow(self, viewer: Viewer, socket: Socket, channel_id: int) -> None:
        is_known = channel_id in self.room.states
        if not is_known and not await self._ask(partial(channel_exists, channel_id)):
            raise _no_channel(channel_id)
        self._note_follower(viewer, socket, channel_id, plays=False)

    def _note_follower(self, viewer: Viewer, socket: Socket, channel_id: int, *, plays: bool) -> None:
        if not self.room.follow(socket, channel_id, plays=plays):
            raise BadFrame(
                f"At most {limits.CHANNELS_OF_A_SOCKET} channels on a socket: disconnect from one."
            )
        if self.room.states[channel_id] is None:
            self._look_at_channels([channel_id])
        if socket.fresh:
            self._look_at_viewers([viewer.id])

    def _renew(self, viewer: Viewer, socket: Socket, data: dict[str, Any]) -> None:
        raw = data.get("token")
        try:
            token = read_watch_token(raw if isinstance(raw, str) else "", now=self.clock())
        except TokenRefused as refused:
            raise BadFrame(str(refused)) from None
        if token != (viewer.id, socket.organization_id):
            raise BadFrame("The token is not of the viewer and the app that this socket was opened for.")
        socket.expires_at = expiry_of(str(raw))

    async def _ask(self, call: Callable[[], Answer]) -> Answer:
        """Have a thread ask the database or Redis."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _with_fresh_connections, call)

    # Something changed

    async def _listen(self) -> None:
        """Hear what the others say. After a silence nobody knows what was missed, so all are looked at."""
        failures = 0
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as error:
                failures = 1 if self.hears_redis else failures + 1
                if self.hears_redis or failures % 10 == 0:  # at the start Redis may come a moment later
                    log.warning("sockets_do_not_hear_redis", error=str(error))
            self.hears_redis = False
            await asyncio.sleep(1)

    async def _hear(self) -> None:
        """RedisError, OSError."""
        loop = asyncio.get_running_loop()
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
        async with client, client.pubsub() as heard:
            await heard.subscribe(news.CREDITED, news.CHANNEL, news.VIEWER)
            last = loop.time()
            while True:
                message = await heard.get_message(timeout=REDIS_PING)
                if message is None:
                    if loop.time() - last > REDIS_SILENCE:
                        raise RedisError("Nothing was heard of it.")
                    await heard.ping()
                    continue
                last = loop.time()
                if message["type"] == "message":
                    self._hear_message(message["channel"].decode(), message["data"])
                elif not self.hears_redis:
                    self.hears_redis = True
                    self._look_at_viewers(self.room.viewers)
                    self._look_at_channels(self.room.states)

    def _hear_message(self, kind: str, content: bytes) -> None:
        if kind == news.CREDITED:
            self._look_at_viewers(self.room.viewers.keys() & set(news.read_credited(content)))
        elif kind == news.CHANNEL:
            self._look_at_channels(self.room.states.keys() & {int(content)})
        else:
            told = orjson.loads(content)
            viewer = self.room.viewers.get(told["viewer"])
            for socket in viewer.sockets if viewer else ():
                if socket.may_know(told["organization"]):
                    socket.tell(frames.frame(told["type"], told["data"]))

    def _look_at_viewers(self, viewer_ids: Iterable[int]) -> None:
        self._viewers.update(viewer_ids)
        if self._viewers:
            self._has_viewers.set()

    def _look_at_channels(self, channel_ids: Iterable[int]) -> None:
        self._channels.update(channel_ids)
        if self._channels:
            self._has_channels.set()

    async def _look(self) -> None:
        """Tell viewers what changed for them: many in one look, one look at a time."""
        while True:
            await self._has_viewers.wait()
            await asyncio.sleep(limits.GATHERED)
            asked = {self._viewers.pop() for _ in range(min(limits.LOOK, len(self._viewers)))}
            if not self._viewers:
                self._has_viewers.clear()
            try:
                found = await self._ask(partial(watching, viewer_ids=asked, now=self.clock()))
            except Exception:
                log.exception("sockets_do_not_see_viewers")
                await asyncio.sleep(1)  # their next beats bring them back here
                continue
            for viewer_id in asked:
                if (viewer := self.room.viewers.get(viewer_id)) is None:
                    continue
                if viewer_id in found:
                    viewer.tell(found[viewer_id])
                else:  # the account was closed
                    for socket in list(viewer.sockets):
                        socket.refuse(Close.EXPIRED, "The viewer of this token is gone.")

    async def _sweep(self) -> None:
        """Tell what changed on channels: at once where somebody said so, else by the clock."""
        loop = asyncio.get_running_loop()
        pause = limits.SWEEP
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_channels.wait(), timeout=pause)
            self._has_channels.clear()
            asked, self._channels = self._channels or set(self.room.states), set()
            if not asked:
                continue
            began = loop.time()
            try:
                found = await self._ask(partial(on_channels, channel_ids=asked, now=self.clock()))
            except Exception:
                log.exception("sockets_do_not_see_channels")
                continue
            for channel_id, state in found.items():
                self.room.set_state(channel_id, state)
            # However many channels there are, a quarter of a thread's time is enough.
            pause = max(limits.SWEEP, 3 * (loop.time() - began))


# What stands for the request of every socket that is open.
OPENED = Request("", Headers())


def _no_channel(channel_id: int) -> BadFrame:
    return BadFrame(f"There is no channel {channel_id}.")


def _with_fresh_connections(call: Callable[[], Answer]) -> Answer:
    """As each request has it: a connection that broke is not used again."""
    try:
        return call()
    finally:
        close_old_connections()
