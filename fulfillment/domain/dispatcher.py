"""The loop that makes due deliveries, in every worker process.

It polls the database, and needs nothing else: no broker stands between a claim and its delivery, so
that none can lose, double or delay it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

import structlog
from django.db import connection

from fulfillment.domain import deliveries

# Seconds between two looks when nothing was due, and after an error (the database is away).
POLL = 0.5
ERROR_PAUSE = 2.0

logger = structlog.get_logger(__name__)


class Dispatcher:
    """A thread that takes what is due and hands it to `threads` others, until it is stopped.

    `clock` tells the time of each step.
    """

    def __init__(self, *, threads: int, clock: Callable[[], datetime]) -> None:
        self._threads = threads
        self._clock = clock
        self._free = threads
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._loop = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        """Take nothing more, and wait for the attempts under way: seconds, they have a deadline."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._loop.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._stopping.is_set():
            free = self._wait_for_room()
            try:
                leases = deliveries.take_due(limit=free, now=self._clock())
            except Exception:  # whatever it was, the next round may go well: this thread must not die
                logger.exception("dispatcher_round_failed")
                self._stopping.wait(ERROR_PAUSE)
                leases = []
            finally:
                connection.close()
            for lease in leases:
                self._free_changes_by(-1)
                self._pool.submit(self._attempt, lease).add_done_callback(self._finished)
            if not leases:
                self._stopping.wait(POLL)

    def _wait_for_room(self) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or self._stopping.is_set())
            return self._free

    def _attempt(self, lease: deliveries.Lease) -> None:
        try:
            deliveries.attempt(lease, now=self._clock())
        except Exception:  # the lease ends, and whoever takes the delivery next notes the crash
            logger.exception("attempt_not_finished", delivery=lease.delivery.pk)
        finally:
            connection.close()

    def _finished(self, _: Future[None]) -> None:
        self._free_changes_by(1)

    def _free_changes_by(self, change: int) -> None:
        with self._changed:
            self._free += change
            self._changed.notify_all()
