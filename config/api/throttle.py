"""How often an app may call: so many calls a minute, counted in Redis for all web processes together."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Lock
from typing import NamedTuple

import redis
import structlog
from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from config.memory import Memory

WINDOW = 60
# After Redis failed, calls are not counted for this long: no partner waits for what only protects us.
REST = 5.0
# How often a process that is called all the time tells Redis, in seconds.
EVERY = 0.2

log = structlog.get_logger(__name__)
_lock = Lock()


@dataclass(slots=True)
class Tally:
    """Calls of one app in one minute: those that all processes told Redis of, and ours that it does not know yet."""

    said: int = 0
    unsaid: int = 0
    say_at: float = 0.0


class _Memory(Memory):
    def begin(self) -> None:
        self.counts: Counter[str] = Counter()
        self.tallies: dict[str, Tally] = {}
        self.not_before = 0.0


_memory = _Memory()


class Quota(NamedTuple):
    """Where an app stands in the current minute."""

    limit: int
    used: int
    reset: int  # seconds until the next minute

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.reset),
        }


class AppThrottle(BaseThrottle):
    """Counts the calls that come with an app's token. `request.quota` is then where the app stands."""

    quota: Quota

    def allow_request(self, request: Request, view: APIView) -> bool:
        client_id = getattr(request.auth, "client_id", None)
        if client_id is None:
            return True
        self.quota = count(client_id, now=timezone.now())
        request.quota = self.quota  # type: ignore[attr-defined]
        return not self.quota.exceeded

    def wait(self) -> float:
        return self.quota.reset


def count(caller: str, *, now: datetime, limit: int | None = None) -> Quota:
    """Count one call of `caller`, who may make `limit` a minute (without one: API_CALLS_PER_MINUTE).

    Where Redis does not answer, nobody is turned away.
    """
    key, window, reset = _this_minute(caller, now)
    used = _count_in_redis(key) if settings.REDIS_URL else _count_here(key, window)
    return Quota(limit or settings.API_CALLS_PER_MINUTE, used, reset)


def standing(caller: str, *, now: datetime, limit: int) -> Quota:
    """Where `caller` stands, as far as this process knows. Nothing is counted and nobody is asked."""
    key, _, reset = _this_minute(caller, now)
    with _lock:
        tally = _memory.tallies.get(key)
        used = _memory.counts[key] if tally is None else tally.said + tally.unsaid
    return Quota(limit, used, reset)


def left(caller: str, *, now: datetime) -> Quota:
    """Where `caller` stands, as Redis knows it, or this process where Redis does not answer. Nothing is counted."""
    limit: int = settings.API_CALLS_PER_MINUTE
    known = standing(caller, now=now, limit=limit)
    if not settings.REDIS_URL or time.monotonic() < _memory.not_before:
        return known
    key, _, _ = _this_minute(caller, now)
    try:
        said = int(_client(settings.REDIS_URL).get(key) or 0)
    except redis.RedisError as error:
        _memory.not_before = time.monotonic() + REST
        log.warning("calls_not_counted", error=str(error))
        return known
    return known._replace(used=max(said, known.used))


def _this_minute(caller: str, now: datetime) -> tuple[str, int, int]:
    """The key to count under, the minute's number and the seconds that are left of it."""
    window, second = divmod(int(now.timestamp()), WINDOW)
    return f"drops:calls:{caller}:{window}", window, WINDOW - second


def _count_in_redis(key: str) -> int:
    """The calls of all processes, as of a fifth of a second ago, and all of this one's.

    Asking Redis for every call would cost more than the check of the token.
    """
    with _lock:
        tally = _memory.tallies.get(key)
        if tally is None:
            _forget_old_windows(key)
            tally = _memory.tallies[key] = Tally()
        tally.unsaid += 1
        now = time.monotonic()
        if now < _memory.not_before:
            return 0
        if now < tally.say_at:
            return tally.said + tally.unsaid
        news, tally.unsaid, tally.say_at = tally.unsaid, 0, now + EVERY
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
            pipeline.incrby(key, news)
            pipeline.expire(key, WINDOW)
            tally.said, _ = pipeline.execute()
    except redis.RedisError as error:
        _memory.not_before = time.monotonic() + REST
        log.warning("calls_not_counted", error=str(error))
        return 0
    return tally.said + tally.unsaid


def _forget_old_windows(key: str) -> None:
    window = key.rpartition(":")[2]
    if not any(known.endswith(f":{window}") for known in _memory.tallies):
        _memory.tallies.clear()


def _count_here(key: str, window: int) -> int:
    """Without Redis there is one process."""
    if not any(known.endswith(f":{window}") for known in _memory.counts):
        _memory.counts.clear()
    _memory.counts[key] += 1
    return _memory.counts[key]


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
