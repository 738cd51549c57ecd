"""When Celery's clock was last heard at the end of each queue: by a worker that carried a task out.

The figures are in Redis and by its clock alone, so that no machine's own clock matters.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.memory import Memory

QUEUES = ("celery", "deliveries")
# Milliseconds that a tick is kept; how much of them is left tells its age.
KEPT = 86_400_000


class _Memory(Memory):
    def begin(self) -> None:
        self.noted_at: dict[str, float] = {}


_memory = _Memory()


def note(queue: str) -> None:
    """A worker of the queue was reached: kept at most once a second, and not at all while Redis is away."""
    if settings.REDIS_URL and time.monotonic() - _memory.noted_at.get(queue, 0.0) >= 1:
        _memory.noted_at[queue] = time.monotonic()
        with suppress(redis.RedisError):  # readiness says so itself
            client(settings.REDIS_URL).set(_key(queue), 1, px=KEPT)


def ages() -> dict[str, float | None]:
    """Seconds since the last tick of each queue; None: not for a day. redis.RedisError."""
    with client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
        for queue in QUEUES:
            pipeline.pttl(_key(queue))
        left = pipeline.execute()
    return {
        queue: (KEPT - of_this) / 1000 if of_this > 0 else None
        for queue, of_this in zip(QUEUES, left, strict=True)
    }


@cache
def client(url: str) -> redis.Redis:
    """It gives up soon, and tries once: nobody waits for what comes again in a second."""
    return redis.Redis.from_url(
        url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )


def _key(queue: str) -> str:
    return f"drops:tick:{queue}"
