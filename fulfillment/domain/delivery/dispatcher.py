"""The loop that makes due deliveries, in every worker process.

It polls the database, and needs nothing else: no broker stands between a claim and its delivery, so
that none can lose, double or delay it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from queue import Empty, SimpleQueue

import structlog
from django.db import InterfaceError, OperationalError, connection

from fulfillment.domain.delivery import attempts, queue, signing
from fulfillment.domain.delivery.attempts import Outcome
from fulfillment.domain.delivery.queue import Lease
from fulfillment.models import SigningKey

# Seconds between two looks when nothing happens, and after an error (the database is away).
POLL = 0.5
ERROR_PAUSE = 2.0
# Answers that come within this time are written down together.
GATHER = 0.02


logger = structlog.get_logger(__name__)


class Dispatcher:
    """One thread speaks with the database: it takes what is due and writes down what came of it.
    `threads` others make the requests, and nothing else.

    `clock` tells the time of each step.
    """

    def __init__(self, *, threads: int, clock: Callable[[], datetime]) -> None:
        self._threads = threads
        self._clock = clock
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._loop = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        # None: a request that ended in an error of ours. Nobody writes it down; its lease runs out.
        self._answers: SimpleQueue[Outcome | None] = SimpleQueue()
        self._in_flight = 0
        self._unwritten: list[Outcome] = []

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        """Take nothing more, and wait for the attempts under way: seconds, they have a deadline."""
        self._stopping.set()
        self._loop.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while self._in_flight or not self._stopping.is_set():
            try:
                if not self._stopping.is_set():
                    self._take()
                self._gather()
                self._write()
            except Exception:  # whatever it was, the next round may go well: this thread must not die
                logger.exception("dispatcher_round_failed")
                self._stopping.wait(ERROR_PAUSE)
            finally:
                connection.close()

    def _take(self) -> None:
        while free := self._threads - self._in_flight:
            now = self._clock()
            leases = queue.take_due(limit=free, now=now)
            if not leases:
                return
            keys = signing.keys_for_signing(now)
            for lease in leases:
                self._in_flight += 1
                self._pool.submit(self._send, lease, keys)

    def _send(self, lease: Lease, keys: Sequence[SigningKey]) -> None:
        outcome = None
        try:
            outcome = Outcome(lease, attempts.send(lease, keys=keys, now=self._clock()))
        except Exception:
            logger.exception("attempt_not_finished", delivery=lease.delivery.pk)
        finally:
            self._answers.put(outcome)

    def _gather(self) -> None:
        """Wait for an answer, for POLL seconds at most, and collect those that come with it."""
        if not self._in_flight:
            self._stopping.wait(POLL)
            return
        try:
            self._collect(self._answers.get(timeout=POLL))
        except Empty:
            return
        time.sleep(GATHER)
        while not self._answers.empty():
            self._collect(self._answers.get())

    def _collect(self, outcome: Outcome | None) -> None:
        self._in_flight -= 1
        if outcome is not None:
            self._unwritten.append(outcome)

    def _write(self) -> None:
        """Outcomes are kept until they are written: the database may be away for a while."""
        if not self._unwritten:
            return
        try:
            attempts.write_outcomes(self._unwritten)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # one of them is at fault, and must not hold up the others
            logger.exception("outcomes_not_written_together")
            while self._unwritten:
                self._write_one(self._unwritten.pop())
        self._unwritten = []

    def _write_one(self, outcome: Outcome) -> None:
        try:
            attempts.write_outcomes([outcome])
        except Exception:  # as a crash: its lease runs out
            logger.exception("outcome_not_written", delivery=outcome.lease.delivery.pk)
