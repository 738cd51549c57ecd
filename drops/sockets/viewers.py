"""Who is connected, and what each was told last: so that a viewer is told what changed, and no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator
from datetime import datetime
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET  # noqa: TID251 - for buffers: nothing is connected to

from websockets.asyncio.server import ServerConnection, broadcast

from drops.domain.watch.following import Earning, OnChannel, Watching
from drops.models import Reason
from drops.sockets import frames, limits
from drops.sockets.frames import Close

# Seconds that a socket which was refused has to read why.
PATIENCE = 3


class Socket(ServerConnection):
    """A connection that takes in and keeps only so much."""

    viewer_id: int
    expires_at: datetime

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.budget = float(limits.BURST)
        self.budget_at = time.monotonic()
        self.organization_id: str | None = None
        self.network = 0
        self.player = 0
        self.expiry: asyncio.TimerHandle | None = None
        # The channels that it follows: True where a player of its own watches.
        self.channels: dict[int, bool] = {}
        self.bad_frames = 0
        # Nothing was told to this socket yet.
        self.fresh = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        kernel = transport.get_extra_info("socket")
        for buffer in (SO_SNDBUF, SO_RCVBUF):
            kernel.setsockopt(SOL_SOCKET, buffer, limits.KERNEL_BUFFER)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes beyond the budget end the socket before anything is made of them."""
        now = time.monotonic()
        self.budget = min(limits.BURST, self.budget + (now - self.budget_at) * limits.BYTES_A_SECOND)
        self.budget -= len(data)
        self.budget_at = now
        if self.budget >= 0:
            super().data_received(data)
        elif self.request is None:
            self.transport.abort()
        else:
            self.refuse(Close.TOO_MUCH, "Too many bytes at once.")

    def refuse(self, code: int, why: str) -> None:
        """Close without waiting for the other side, which may never read why."""
        self.protocol.fail(code, why)
        self.send_data()
        self.loop.call_later(PATIENCE, self.transport.abort)

    def tell(self, text: str) -> None:
        """Send without waiting. Who does not read is cut off."""
        if self.transport.get_write_buffer_size() > limits.UNREAD:
            self.transport.abort()
        else:
            broadcast([self], text)

    def may_know(self, organization_id: str) -> bool:
        return self.organization_id in (None, organization_id)


class Viewer:
    """A viewer with sockets, and what was told to all of them."""

    __slots__ = ("frames", "id", "minute", "reasons", "seconds", "sockets")

    def __init__(self, viewer_id: int) -> None:
        self.id = viewer_id
        self.sockets: list[Socket] = []
        self.reasons: dict[int, Reason | None] = {}
        self.seconds: dict[str, int] = {}
        self.minute = 0
        self.frames = 0

    def is_flooding(self) -> bool:
        """Note one more frame."""
        minute = int(time.monotonic() / 60)
        if minute != self.minute:
            self.minute, self.frames = minute, 0
        self.frames += 1
        return self.frames > limits.FRAMES_A_MINUTE

    def tell(self, now: Watching) -> None:
        """Tell each socket what is new since the last time; a socket that is new itself: all of it."""
        changed = [
            channel_id
            for channel_id, reason in now.reasons.items()
            if channel_id not in self.reasons or self.reasons[channel_id] != reason
        ]
        grown = [
            earning for earning in now.earning if self.seconds.get(earning.campaign_id) != earning.seconds
        ]
        reached = [
            (earning, threshold)
            for earning in grown
            for threshold in earning.thresholds
            if earning.campaign_id in self.seconds
            and self.seconds[earning.campaign_id] < threshold.required_minutes * 60 <= earning.seconds
        ]
        for socket in self.sockets:
            for channel_id in now.reasons if socket.fresh else changed:
                socket.tell(frames.status(channel_id, now.reasons[channel_id], now.texts[channel_id]))
            its = _its(now.earning if socket.fresh else grown, socket)
            if its:
                socket.tell(frames.progress(its))
            for earning, threshold in reached:
                if socket.may_know(earning.organization_id):
                    socket.tell(frames.reward(earning, threshold.reward_id, threshold.name))
            socket.fresh = False
        self.reasons = dict(now.reasons)
        self.seconds |= {earning.campaign_id: earning.seconds for earning in now.earning}


def _its(earning: Collection[Earning], socket: Socket) -> list[Earning]:
    return [each for each in earning if socket.may_know(each.organization_id)]


class Room:
    """Everybody who is connected to this process."""

    def __init__(self) -> None:
        self.viewers: dict[int, Viewer] = {}
        self.followers: dict[int, set[Socket]] = {}
        # The last state of each channel that is followed; None: not looked at yet.
        self.states: dict[int, OnChannel | None] = {}
        self.count = 0

    def enter(self, viewer_id: int, socket: Socket) -> Viewer:
        viewer = self.viewers.get(viewer_id)
        if viewer is None:
            viewer = self.viewers[viewer_id] = Viewer(viewer_id)
        viewer.sockets.append(socket)
        self.count += 1
        return viewer

    def leave(self, viewer: Viewer, socket: Socket) -> None:
        for channel_id in list(socket.channels):
            self.unfollow(socket, channel_id)
        viewer.sockets.remove(socket)
        self.count -= 1
        if not viewer.sockets:
            del self.viewers[viewer.id]

    def follow(self, socket: Socket, channel_id: int, *, plays: bool) -> bool:
        """Whether the socket may follow one more channel."""
        if channel_id not in socket.channels:
            if len(socket.channels) >= limits.CHANNELS_OF_A_SOCKET:
                return False
            self.followers.setdefault(channel_id, set()).add(socket)
            if (state := self.states.setdefault(channel_id, None)) is not None:
                socket.tell(self._frame(channel_id, state))
        socket.channels[channel_id] = socket.channels.get(channel_id, False) or plays
        return True

    def unfollow(self, socket: Socket, channel_id: int) -> None:
        del socket.channels[channel_id]
        followers = self.followers[channel_id]
        followers.discard(socket)
        if not followers:
            del self.followers[channel_id], self.states[channel_id]

    def set_state(self, channel_id: int, state: OnChannel) -> None:
        """Tell everybody on the channel if it is another one."""
        if channel_id not in self.states or (before := self.states[channel_id]) == state:
            return
        self.states[channel_id] = state
        if before is None or before.pulse != state.pulse:
            text = self._frame(channel_id, state)
            for socket in self.followers[channel_id]:
                socket.tell(text)

    def _frame(self, channel_id: int, state: OnChannel) -> str:
        return frames.channel(
            channel_id, state, round(len(self.followers[channel_id]) / limits.PAGES_A_SECOND, 1)
        )

    def sockets(self) -> Iterator[Socket]:
        for viewer in self.viewers.values():
            yield from viewer.sockets
