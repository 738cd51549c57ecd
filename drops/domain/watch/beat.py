"""A beat arrives: a player reports that a viewer watches a channel."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from config.memory import Memory
from drops.domain.watch import stream
from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.domain.watch.stream import BeatsRefused
from drops.models import Channel
from drops.models.fields import to_ms


class UnknownChannel(Exception):
    """There is no channel with this id."""


class TooManyBeats(BeatsRefused):
    """This viewer sends more beats in a minute than any player does."""

    retry_after = 60
    reason = "too_many"


def beat(
    *,
    viewer_id: int,
    channel_id: int,
    now: datetime,
    kind: BeatKind = BeatKind.WATCH,
    livestream_id: int = 0,
    player: int = 0,
    network: int = 0,
    between: bool = False,
) -> None:
    """Accept one beat: append it to the stream or, without Redis, credit it at once.

    `between`: an earlier beat of the visit was accepted, so if this one is lost, the next makes up for it.
    UnknownChannel; BeatsRefused when it cannot be taken now.
    """
    _refuse_flood(viewer_id, to_ms(now) // MINUTE)
    if not channel_exists(channel_id):
        raise UnknownChannel
    accepted = Beat(viewer_id, channel_id, to_ms(now), kind, livestream_id, player, network)
    if not settings.REDIS_URL:
        credit([accepted], now=now)
    elif between:
        stream.append_soon(accepted)
    else:
        stream.append(accepted)


MINUTE = 60_000
MAX_KNOWN_CHANNELS = 100_000


class _Memory(Memory):
    def begin(self) -> None:
        # Beats by viewer, in this process and minute: one viewer must not fill the stream that all others need.
        self.minute = 0
        self.beats_of: dict[int, int] = {}
        # A channel that was there once stays known to this process: a beat then costs no query.
        self.known_channels: set[int] = set()


_memory = _Memory()


def _refuse_flood(viewer_id: int, minute: int) -> None:
    if minute != _memory.minute:
        _memory.minute, _memory.beats_of = minute, {}
    beats = _memory.beats_of[viewer_id] = _memory.beats_of.get(viewer_id, 0) + 1
    if beats > settings.WATCH_BEATS_PER_MINUTE:
        raise TooManyBeats


def channel_exists(channel_id: int) -> bool:
    if channel_id in _memory.known_channels:
        return True
    if not Channel.objects.filter(pk=channel_id).exists():
        return False
    if len(_memory.known_channels) >= MAX_KNOWN_CHANNELS:
        _memory.known_channels.clear()
    _memory.known_channels.add(channel_id)
    return True
