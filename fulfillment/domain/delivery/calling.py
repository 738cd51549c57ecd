"""Calling workers to what is due: messages that say nothing, and that nobody needs.

The clock calls once a second. A call in between saves that second; one that is lost, doubled or late costs nothing.
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
# Seconds for which a broker that failed is not asked again: viewers must not wait for it one after the other.
REST = 5.0

logger = structlog.get_logger(__name__)


class _Memory(Memory):
    def begin(self) -> None:
        self.not_before = 0.0


_memory = _Memory()


def call_workers(count: int = 1) -> None:
    """Have `count` more threads of workers deliver what is due. Raises nothing, and takes less than 3 s."""
    if not settings.REDIS_URL or time.monotonic() < _memory.not_before:
        return
    try:
        # Asked first: it gives up sooner than a publish does.
        for _ in range(min(count, queues.room(QUEUE))):
            current_app.send_task("fulfillment.tasks.deliver")
    except (redis.RedisError, KombuError) as error:
        _memory.not_before = time.monotonic() + REST
        logger.warning("workers_not_called", error=str(error))
