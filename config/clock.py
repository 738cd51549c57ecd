"""The clock of all tasks, for `celery beat`: it keeps no file, and adds nothing to a queue that nobody empties."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import redis
from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedstate
from django.conf import settings

from config import queues

# Seconds until the next look, where Redis is away or the queue is full.
PAUSE = 1.0
LONG_AGO = timedelta(days=366)


class Clock(Scheduler):
    """It remembers nothing from one start to the next: each start begins with every task once."""

    def setup_schedule(self) -> None:
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = entry.default_now() - LONG_AGO

    def is_due(self, entry: ScheduleEntry) -> Any:
        """A task without room in its queue stays due, and so does every task while Redis is away."""
        state = super().is_due(entry)
        is_due, _ = state
        queue = settings.CELERY_TASK_ROUTES.get(str(entry.task), {}).get(
            "queue", settings.CELERY_TASK_DEFAULT_QUEUE
        )
        try:
            has_room = not is_due or queues.room(queue) > 0
        except redis.RedisError:
            has_room = False
        return state if has_room else schedstate(is_due=False, next=PAUSE)
