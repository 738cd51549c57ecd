"""What Celery does for claims: its worker processes host the delivery loop, and its beat sends notices."""

from __future__ import annotations

from typing import Any

from celery import bootsteps, shared_task
from django.conf import settings
from django.utils import timezone

from config.celery import app
from fulfillment.domain.delivery import notices
from fulfillment.domain.delivery.dispatcher import Dispatcher


class Delivering(bootsteps.StartStopStep):
    """Runs in every worker from its start to its end, whether the broker is there or not.

    After beat, which is forked off and must not inherit a loop's connections.
    """

    requires = ("celery.worker.components:Beat",)

    def __init__(self, worker: Any, **_: Any) -> None:
        super().__init__(worker)
        self._dispatcher = Dispatcher(threads=settings.DELIVERY_THREADS, clock=timezone.now)

    def start(self, worker: Any) -> None:
        self._dispatcher.start()

    def stop(self, worker: Any) -> None:
        self._dispatcher.stop()


app.steps["worker"].add(Delivering)


@shared_task
def tell_owners() -> None:
    """Mail owners about endpoints that fail, are held, or work again."""
    now = timezone.now()
    notices.write_notices(now=now)
    notices.send_notices(now=now)
