"""Calls workers to due deliveries, by messages that carry nothing.

The clock calls once a second, and a call in between saves that second. A call that is lost, doubled or late
costs nothing.
"""

from __future__ import annotations

import time

import redis
import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import KombuError

from config import queues
from config.memory import Memory

QUEUE = "deliveries"
# Seconds for which a failed broker is not asked again, so that viewers do not wait for it one after the other.
REST = 5.0

logger = structlog.get_logger(__name__)


class _Memory(Memory):
    def begin(self) -> None:
        self.not_before = 0.0


_memory = _Memory()


def call_workers(count: int = 1) -> None:
    """Ask for `count` more worker threads to deliver what is due. Raises nothing, and takes less than 3 s."""
    if not settings.REDIS_URL or time.monotonic() < _memory.not_before:
        return
    try:
        # The length is asked for first, because that gives up sooner than a publish does.
        for _ in range(min(count, queues.room(QUEUE))):
            current_app.send_task("fulfillment.tasks.deliver")
    except (redis.RedisError, KombuError) as error:
        _memory.not_before = time.monotonic() + REST
        logger.warning("workers_not_called", error=str(error))
