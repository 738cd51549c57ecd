"""Delivers what is due with many threads, one delivery each, and one transaction for many threads.

A thread comes to the counter with the outcome of its last attempt and asks for the next lease. A thread that
finds the counter free serves all threads that have come meanwhile: it writes their outcomes together and takes
their leases together. A statement for thirty deliveries costs little more than a statement for one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from config.memory import Memory
from fulfillment.domain.delivery import attempts, queue, signing
from fulfillment.domain.delivery.attempts import Outcome
from fulfillment.domain.delivery.queue import Lease
from fulfillment.models import SigningKey

# Seconds after which a thread ends its turn, even if there is more to deliver.
TURN = 10.0
# Seconds that a thread waits for others before it serves them all, if attempts began so recently that others may come.
GATHER = 0.02
RECENTLY = 0.05
# Seconds to wait after the database failed.
ERROR_PAUSE = 2.0
# Threads that are called for each thread that found work, while there may be more work.
GROWTH = 4

logger = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Visit:
    """A thread at the counter, with its last outcome and the lease that it gets.

    `more`: how many more threads may find work, because there were as many leases as were asked for.
    """

    outcome: Outcome | None
    wants_lease: bool
    turn: threading.Event = field(default_factory=threading.Event)
    served: bool = False
    lease: Lease | None = None
    keys: Sequence[SigningKey] = ()
    more: int = 0


class _Memory(Memory):
    def begin(self) -> None:
        self.stopping = threading.Event()
        self.running = 0
        self.serving = False
        self.leased_at = float("-inf")
        self.waiting: list[_Visit] = []


_memory = _Memory()
_lock = threading.Lock()


def deliver_due(
    *, clock: Callable[[], datetime], call: Callable[[int], object], seconds: float = TURN
) -> int:
    """Attempt one delivery after the other until nothing is due, or for about `seconds`; returns how many.

    `clock` tells the time of each step. `call` asks for that many more threads to do the same. A process uses
    at most DELIVERY_THREADS threads for this. Not to be called in a transaction.
    """
    until = time.monotonic() + seconds
    made = 0
    with _running():
        outcome = None
        while True:
            goes_on = time.monotonic() < until and not _memory.stopping.is_set()
            visit = _Visit(outcome, wants_lease=goes_on)
            _come(visit, clock)
            if visit.more:
                call(visit.more)
            if visit.lease is None:
                break
            outcome = _attempt(visit.lease, visit.keys, clock)
            made += 1
    if not goes_on and not _memory.stopping.is_set():
        call(1)
    return made


def running() -> int:
    """How many threads of this process deliver now."""
    return _memory.running


def stop() -> None:
    """Let every thread of this process end with the attempt that is under way."""
    _memory.stopping.set()


@contextmanager
def _running() -> Iterator[None]:
    with _lock:
        _memory.running += 1
    try:
        yield
    finally:
        with _lock:
            _memory.running -= 1


def _attempt(lease: Lease, keys: Sequence[SigningKey], clock: Callable[[], datetime]) -> Outcome | None:
    try:
        with structlog.contextvars.bound_contextvars(organization_id=lease.endpoint.organization_id):
            return Outcome(lease, attempts.send(lease, keys=keys, now=clock()))
    except Exception:  # our own error: there is no outcome to write, and the lease runs out
        logger.exception("attempt_not_finished", delivery=lease.delivery.pk)
        return None


def _come(visit: _Visit, clock: Callable[[], datetime]) -> None:
    """Return once `visit` is served: by this thread, for everybody who waits, or by another one."""
    with _lock:
        _memory.waiting.append(visit)
        serves, _memory.serving = not _memory.serving, True
    if not serves:
        visit.turn.wait()
    if not visit.served:
        _serve(clock)


def _serve(clock: Callable[[], datetime]) -> None:
    # Threads that wait for a slow server come late: only those that began a moment ago are worth waiting for.
    if _memory.running > 1 and time.monotonic() - _memory.leased_at < RECENTLY:
        time.sleep(GATHER)
    with _lock:
        visits, _memory.waiting = _memory.waiting, []
    try:
        _write([visit.outcome for visit in visits if visit.outcome is not None])
        _take([visit for visit in visits if visit.wants_lease], clock)
    except Exception:  # what is due stays due
        logger.exception("deliveries_not_taken")
    finally:
        connection.close()
        with _lock:
            following = _memory.waiting[:1]
            _memory.serving = bool(following)
        for visit in following:
            visit.turn.set()
        for visit in visits:
            visit.served = True
            visit.turn.set()


def _take(visits: Sequence[_Visit], clock: Callable[[], datetime]) -> None:
    if not visits:
        return
    now = clock()
    leases = queue.take_due(limit=len(visits), now=now)
    keys: Sequence[SigningKey] = ()
    if leases:
        _memory.leased_at = time.monotonic()
        keys = signing.keys_for_signing(now)
    for visit, lease in zip(visits, leases, strict=False):
        visit.lease, visit.keys = lease, keys
    if len(leases) == len(visits):
        visits[0].more = max(0, min(GROWTH * len(leases), settings.DELIVERY_THREADS - _memory.running))


def _write(outcomes: list[Outcome]) -> None:
    """Write the outcomes together. While the database is away all threads wait, so that no outcome is lost."""
    while outcomes:
        try:
            return attempts.write_outcomes(outcomes)
        except (OperationalError, InterfaceError):
            logger.exception("outcomes_wait_for_the_database", count=len(outcomes))
            connection.close()
            if _memory.stopping.wait(ERROR_PAUSE):
                return None
        except Exception:  # one of the outcomes is at fault, and must not hold up the others
            logger.exception("outcomes_not_written_together")
            while outcomes:
                _write_one(outcomes.pop())
    return None


def _write_one(outcome: Outcome) -> None:
    try:
        attempts.write_outcomes([outcome])
    except Exception:  # treated as a crash: the lease runs out
        logger.exception("outcome_not_written", delivery=outcome.lease.delivery.pk)
