"""How often an app may call: so many calls a minute, counted in Redis for all web processes together."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from functools import cache
from typing import NamedTuple

import redis
import structlog
from django.conf import settings

WINDOW = 60
# After Redis failed, calls are not counted for this long: no partner waits for what only protects us.
REST = 5.0

log = structlog.get_logger(__name__)
_counts: Counter[str] = Counter()
_not_before = 0.0


class Quota(NamedTuple):
    """Where an app stands in the current minute."""

    limit: int
    used: int
    reset: int  # seconds until the next minute

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.reset),
        }


def count(caller: str, *, now: datetime) -> Quota:
    """Count one call of `caller`. Where Redis does not answer, nobody is turned away."""
    window, second = divmod(int(now.timestamp()), WINDOW)
    key = f"drops:calls:{caller}:{window}"
    used = _count_in_redis(key) if settings.REDIS_URL else _count_here(key, window)
    return Quota(limit=settings.API_CALLS_PER_MINUTE, used=used, reset=WINDOW - second)


def _count_in_redis(key: str) -> int:
    global _not_before  # noqa: PLW0603
    if time.monotonic() < _not_before:
        return 0
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, WINDOW)
            used, _ = pipeline.execute()
    except redis.RedisError as error:
        _not_before = time.monotonic() + REST
        log.warning("calls_not_counted", error=str(error))
        return 0
    return int(used)


def _count_here(key: str, window: int) -> int:
    """Without Redis there is one process."""
    if not any(known.endswith(f":{window}") for known in _counts):
        _counts.clear()
    _counts[key] += 1
    return _counts[key]


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
