"""Makes deliveries in the foreground: what a Celery worker does, for a set-up without Redis."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from fulfillment.domain.delivery import delivering
from fulfillment.domain.rehearsals import running

LOOK_EVERY = 1.0  # seconds


class Command(BaseCommand):
    help = "Makes every delivery that is due, until Ctrl-C. Only a set-up without Redis needs it."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = Event()

        def stop(*_: object) -> None:
            delivering.stop()
            stopping.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        with ThreadPoolExecutor(settings.DELIVERY_THREADS, thread_name_prefix="delivery") as pool:

            def call(count: int) -> None:
                with suppress(RuntimeError):  # the pool is closed already: the command was told to stop
                    for _ in range(min(count, settings.DELIVERY_THREADS - delivering.running())):
                        pool.submit(delivering.deliver_due, clock=timezone.now, call=call)

            call(1)
            while not stopping.wait(LOOK_EVERY):
                call(1)
                pool.submit(running.go_on_with_all, clock=timezone.now)
