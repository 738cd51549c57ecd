"""The queues of Celery, in Redis: no more is published to one than somebody could be waiting for."""

from __future__ import annotations

from django.conf import settings

from config.ticks import client

# Messages that may wait in a queue. More would tell a worker that comes back nothing new.
MOST_WAITING = 64


def room(queue: str) -> int:
    """How many more messages may be published to the queue. redis.RedisError within a second."""
    waiting: int = client(settings.REDIS_URL).llen(queue)
    return max(0, MOST_WAITING - waiting)
