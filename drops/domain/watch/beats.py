"""Beats: what players report, and what crediting them brings."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from django.conf import settings

HOUR = 3_600_000
DAY = 24 * HOUR
# The most that one beat earns, and the silence after which a session is over.
MAX_BEAT = 150_000
# A beat after a longer silence than this begins anew and earns nothing of the time before it.
MAX_SILENCE = 3_600_000


class BeatKind(IntEnum):
    WATCH = 0  # still watching
    START = 1  # a player that begins: never earns a silence before it
    GOODBYE = 2  # the player stops here
    SWITCH = 3  # "count here instead": takes the session from the channel that has it


class Beat(NamedTuple):
    """One report that a viewer watches a channel.

    `at`: when it was accepted, in milliseconds since 1970. `livestream_id` 0: not said. `player`: a
    number by which a player knows itself, 0: not said. `network`: where it came from (`networks.network_of`).
    """

    viewer_id: int
    channel_id: int
    at: int
    kind: BeatKind = BeatKind.WATCH
    livestream_id: int = 0
    player: int = 0
    network: int = 0


class CreditResult(NamedTuple):
    """`seconds`: watch time that counted, of all viewers, whatever the number of campaigns."""

    seconds: int
    unknown_viewers: frozenset[int]
    unknown_channels: frozenset[int]


def parts(start: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """[start, end) by HOUR or DAY."""
    while start < end:
        stop = min(end, start - start % length + length)
        yield start, stop
        start = stop


def partition_of(viewer_id: int) -> int:
    return viewer_id % settings.WATCH_PARTITIONS
