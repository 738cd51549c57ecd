"""The watch stream: beats on their way from the web processes to `credit`, in Redis Streams.

One stream for each partition of the viewers. The ids that Redis gives are the beats' times: one
clock for all web processes, that never goes back within a stream. The position up to which a stream
was credited is stored with the results, in one transaction: a worker that dies anywhere has credited
a beat once or not at all, and the next worker goes on from there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

import redis
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField

from config import tracing
from config.gather import Gatherer
from config.memory import Memory
from drops.domain.watch import counts, news, store
from drops.domain.watch.beats import Beat, BeatKind, partition_of
from drops.domain.watch.credit import credit
from drops.models import WatchPartition

Entries = list[tuple[bytes, dict[bytes, bytes]]]


# Beats credited in one transaction.
BATCH = 5_000
# Beats that may wait in this process if Redis is slower than they come.
MAX_GATHERED = 20_000
# How long a reading of a stream's length is believed, in seconds.
LENGTH_AGE = 1.0
# Milliseconds that an id may be ahead of a clock. Redis goes on from the newest id in a stream whatever the clock
# says, so after an id from the future, or a clock that was set back, all beats of the stream would be.
MOST_AHEAD = 60_000
# Delete the stream if its newest id is beyond ARGV[1] still: whatever comes next gets its id from the clock again.
START_ANEW = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest and tonumber(string.match(newest[1], '^%d+')) > tonumber(ARGV[1]) then
    return redis.call('DEL', KEYS[1])
end
return 0
"""


log = structlog.get_logger(__name__)


class _Memory(Memory):
    def begin(self) -> None:
        self.down_until = 0.0
        # For each partition when its stream's length was read, and the length.
        self.lengths: dict[int, tuple[float, int]] = {}


_memory = _Memory()


class BeatsRefused(Exception):
    """No beats can be taken now. `retry_after`: seconds until trying again makes sense. `reason`: a word for it."""

    retry_after = 10
    reason = "refused"


class StreamFull(BeatsRefused):
    """Crediting is behind: beats are turned away before the stream takes all memory."""

    reason = "stream_full"


class StreamDown(BeatsRefused):
    """Redis does not answer."""

    retry_after = 5
    reason = "stream_down"


@cache
def client(url: str) -> redis.Redis:
    # One try: a web thread must not wait long for a beat that its player repeats anyway.
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)


def key(number: int) -> str:
    return f"drops:watch:{number}"


def append(beat: Beat) -> None:
    """Append a beat. When this returns, the beat is in the stream. Raises BeatsRefused if it is not.

    The beat's `at` is not kept: Redis stamps it.
    """
    _refuse_when_full(beat)
    _send([beat])


def append_soon(beat: Beat) -> None:
    """Append a beat that follows an accepted one. It is in the stream in a few milliseconds.

    If this process is killed before, the viewer's next beat earns the time of both. BeatsRefused.
    """
    _refuse_when_full(beat)
    if time.monotonic() < _memory.down_until:
        raise StreamDown
    if _gatherer.add(beat) > MAX_GATHERED:
        raise StreamFull


def _send(beats: Sequence[Beat]) -> None:
    try:
        with client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
            for beat in beats:
                pipeline.xadd(key(partition_of(beat.viewer_id)), _pack(beat))
            began = time.time_ns()
            entry_ids = pipeline.execute()
        counts.ACCEPTED.inc(len(beats))
        if tracing.is_on():
            for beat, entry_id in zip(beats, entry_ids, strict=True):
                _trace("beat accepted", partition_of(beat.viewer_id), entry_id, began, first=True)
    except redis.RedisError as error:
        log.warning("watch_stream_down", error=str(error), beats=len(beats))
        raise StreamDown from error


def _send_gathered(beats: Sequence[Beat]) -> None:
    """After a failure, refuse beats for a while. Their players try again, and so do those of the lost beats."""
    try:
        _send(beats)
    except StreamDown as down:
        _memory.down_until = time.monotonic() + down.retry_after
        counts.REFUSED.labels(down.reason).inc(len(beats))


_gatherer = Gatherer(_send_gathered)


def _refuse_when_full(beat: Beat) -> None:
    number = partition_of(beat.viewer_id)
    read_at, length = _memory.lengths.get(number, (0.0, 0))
    if time.monotonic() - read_at > LENGTH_AGE:
        try:
            length = int(client(settings.REDIS_URL).xlen(key(number)))
        except redis.RedisError as error:
            raise StreamDown from error
        _memory.lengths[number] = (time.monotonic(), length)
    if length >= settings.WATCH_STREAM_LIMIT:
        raise StreamFull


def credit_all(*, now: Callable[[], datetime], seconds: float = 20) -> int:
    """Credit until every stream is empty, or for about so many seconds; returns the number of beats."""
    stop = time.monotonic() + seconds
    credited = 0
    # In any order, so that workers that start together do not meet at every partition.
    for number in random.sample(range(settings.WATCH_PARTITIONS), settings.WATCH_PARTITIONS):
        while time.monotonic() < stop and (count := credit_partition(number=number, now=now())):
            credited += count
    return credited


def credit_partition(*, number: int, now: datetime) -> int:
    """Credit the next beats of one partition; returns how many there were. It is safe to run anywhere and at any
    time: of two workers at the same position, one credits, and the other sees that the position moved."""
    position = WatchPartition.objects.filter(pk=number).values_list("position", flat=True).first() or "0-0"
    connection = client(settings.REDIS_URL)
    with connection.pipeline(transaction=False) as pipeline:
        pipeline.xrange(key(number), min=f"({position}", count=BATCH)
        pipeline.time()
        found, (seconds, _) = pipeline.execute()
    latest = seconds * 1000 + MOST_AHEAD
    if _milliseconds(position) > latest:
        _take_back(number, position)
        return 0
    entries = cast("Entries", [entry for entry in found if _milliseconds(entry[0]) <= latest])
    if len(entries) < len(found):
        _start_anew(number, latest)
    if not entries:
        return 0
    if _milliseconds(entries[-1][0]) > now.timestamp() * 1000 + MOST_AHEAD:
        # Times of one clock are right among themselves: they are credited, and somebody sets the clocks.
        log.error("watch_clocks_disagree", partition=number, newest=entries[-1][0].decode(), here=str(now))
    last = entries[-1][0].decode()
    began = time.time_ns()
    beats = [beat for entry in entries for beat in _unpack(*entry)]
    with counts.BATCHES.time(), transaction.atomic():
        if store.lock_partitions([number])[number] != position:
            return 0
        result = credit(beats, now=now)
        WatchPartition.objects.filter(pk=number).update(position=last)
    counts.CREDITED.inc(len(entries))
    counts.SECONDS.inc(result.seconds)
    if tracing.is_on():
        for entry_id, _fields in entries:
            _trace("beat credited", number, entry_id, began, batch=len(entries))
    milliseconds, _, sequence = last.partition("-")
    with connection.pipeline(transaction=False) as pipeline:
        pipeline.xtrim(key(number), minid=f"{milliseconds}-{int(sequence) + 1}", approximate=False)
        pipeline.publish(*news.of_credited({beat.viewer_id for beat in beats}))
        pipeline.execute()
    return len(entries)


def _trace(name: str, number: int, entry_id: bytes, began: int, **more: Any) -> None:
    trace = tracing.trace_of_entry(key(number), entry_id.decode())
    tracing.note(name, trace=trace, began=began, ended=time.time_ns(), partition=number, **more)


def _start_anew(number: int, latest: int) -> None:
    """Drop the beats of one stream whose ids are ahead. Their viewers' next beats earn the time again."""
    dropped = int(client(settings.REDIS_URL).eval(START_ANEW, 1, key(number), str(latest)))
    log.error("watch_stream_ahead", partition=number, latest=latest, dropped=bool(dropped))


def _take_back(number: int, position: str) -> None:
    """Forget a position that is ahead: no beat that comes would be behind it. What is read once more earns nothing."""
    log.error("watch_position_ahead", partition=number, position=position)
    WatchPartition.objects.filter(pk=number, position=position).update(position="0-0")


def _milliseconds(entry_id: str | bytes) -> int:
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    return int(text.partition("-")[0])


def lengths() -> list[int]:
    """Beats in each partition's stream. redis.RedisError."""
    with client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
        for number in range(settings.WATCH_PARTITIONS):
            pipeline.xlen(key(number))
        return list(pipeline.execute())


def ages() -> dict[str, float | None]:
    """How many seconds the oldest beat has waited to be credited, 0 where none waits; and how far the newest id or
    position, or the clock of Redis, is ahead of the clock of Redis or of this machine. redis.RedisError."""
    positions = dict(WatchPartition.objects.values_list("pk", "position"))
    with client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
        for number in range(settings.WATCH_PARTITIONS):
            pipeline.xrange(key(number), min=f"({positions.get(number, '0-0')}", count=1)
            pipeline.xrevrange(key(number), count=1)
        pipeline.time()
        *ends, (seconds, microseconds) = pipeline.execute()
    now = seconds + microseconds / 1_000_000
    since = [_milliseconds(entry_id) / 1000 for first in ends[::2] for entry_id, _ in first]
    newest = [_milliseconds(entry_id) / 1000 for last in ends[1::2] for entry_id, _ in last]
    newest += [_milliseconds(position) / 1000 for position in positions.values()]
    return {
        "oldest beat": max(0.0, round(now - min(since, default=now), 3)),
        "ahead": max(0.0, round(max([now, *newest]) - min(now, time.time()), 3)),
    }


def _pack(beat: Beat) -> dict[Any, Any]:
    """The network is a field of its own: a worker of an earlier version passes over it."""
    return {
        "b": f"{beat.viewer_id} {beat.channel_id} {beat.kind:d} {beat.livestream_id} {beat.player}",
        "n": beat.network.to_bytes(8, "big", signed=True),
    }


def _unpack(entry_id: bytes, fields: dict[bytes, bytes]) -> Sequence[Beat]:
    """The beat of an entry. An unreadable entry is skipped, because it would block its stream for good."""
    try:
        viewer_id, channel_id, kind, livestream_id, player = map(int, fields[b"b"].split())
        at = _milliseconds(entry_id)
        if max(viewer_id, channel_id, livestream_id, player) > BigIntegerField.MAX_BIGINT:
            raise ValueError("a number beyond 64 bits")
        network = int.from_bytes(fields.get(b"n", b"")[:8], "big", signed=True)
        return [Beat(viewer_id, channel_id, at, BeatKind(kind), livestream_id, player, network)]
    except (KeyError, ValueError):
        log.exception("watch_stream_entry_unreadable", entry=entry_id.decode())
        counts.REFUSED.labels("unreadable").inc()
        return []
