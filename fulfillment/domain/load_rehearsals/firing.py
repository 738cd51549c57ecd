"""Makes a load rehearsal: in a worker, in threads of its own, one run at a time in a process.

Events leave as deliveries do: by the same client, signatures and keys, at most as many at a time as Drops ever has on
their way to one endpoint. So what is reached is what deliveries would reach. No event is made up for later: where all
threads wait for answers, the rate falls.

Nothing of it is a delivery. It changes nothing of the endpoint: it verifies nothing, opens no breaker, and is in no
figure. About every second the run writes down how far it is, and asks whether it may go on. A process that is killed
writes no more, and whoever comes after `until` ends the run.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Case, Value, When

from accounts.domain import permissions
from accounts.domain.permissions import Action
from accounts.models import User
from config.memory import Memory
from fulfillment.domain.delivery import attempts, signing
from fulfillment.domain.delivery.breaker import PAUSING_STATUSES
from fulfillment.domain.delivery.endpoints import TEST_DEADLINE, test_event
from fulfillment.domain.delivery.queue import IN_FLIGHT_PER_ENDPOINT, Lease
from fulfillment.domain.delivery.schedule import retry_after
from fulfillment.domain.delivery.status import TAKES_CLAIMS, holds
from fulfillment.models import (
    OPEN_LOAD_STATES,
    Attempt,
    LastAnswer,
    LoadEnd,
    LoadRehearsal,
    LoadState,
    SigningKey,
    Trigger,
    WebhookEndpoint,
)

# Seconds between two notes of how far it is.
NOTED_EVERY = 1.0
# Without a note for so long the process is gone.
SILENCE = timedelta(seconds=TEST_DEADLINE + 10)
# It ends by itself when half of the last twenty answers failed, or ten of the first ones.
JUDGED, MOST_FAILED = 20, 10

logger = structlog.get_logger(__name__)


class _Memory(Memory):
    """`ends`: this process was told to stop."""

    def begin(self) -> None:
        self.ends = threading.Event()


_memory = _Memory()
_firing = threading.Lock()


def stop() -> None:
    """This process begins no run any more, and ends the one that is under way."""
    _memory.ends.set()


def fire_next(*, clock: Callable[[], datetime]) -> bool:
    """Make the run that has waited longest. Returns whether there was one. It takes 35 seconds at most; a process
    that makes one already does nothing. Not to be called in a transaction."""
    end_overdue(now=clock())
    if not _firing.acquire(blocking=False):
        return False
    try:
        run = None if _memory.ends.is_set() else _take(clock())
        if run is not None:
            _Fire(run, clock).make()
        return run is not None
    finally:
        _firing.release()


def end_overdue(*, now: datetime) -> int:
    """End the runs that no worker began in time, or that nobody goes on with. Returns how many."""
    overdue = LoadRehearsal.objects.filter(state__in=OPEN_LOAD_STATES, until__lte=now)
    why = Case(
        When(state=LoadState.WAITING, then=Value(LoadEnd.NO_WORKER.value)),
        default=Value(LoadEnd.BROKEN_OFF.value),
    )
    return overdue.update(why=why, state=LoadState.STOPPED, ended_at=now)


@transaction.atomic
def _take(now: datetime) -> LoadRehearsal | None:
    run = (
        LoadRehearsal.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("endpoint", "started_by")
        .filter(state=LoadState.WAITING, until__gt=now)
        .order_by("created_at")
        .first()
    )
    if run is not None:
        run.state, run.began_at, run.until = LoadState.RUNNING, now, now + SILENCE
        run.save(update_fields=["state", "began_at", "until"])
    return run


class _Fire:
    """One run. `_shoot` is in each of its threads, everything that asks the database in the one that made it."""

    def __init__(self, run: LoadRehearsal, clock: Callable[[], datetime]) -> None:
        self._run, self._clock = run, clock
        self._endpoint: WebhookEndpoint = run.endpoint
        self._actor: User = run.started_by
        self._keys: Sequence[SigningKey] = signing.keys_for_signing(clock())
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._began = self._last = self._due = time.monotonic()
        self._left = run.rate * run.seconds
        self._answers: Counter[str] = Counter()
        self._durations: Counter[int] = Counter()
        self._lately: deque[bool] = deque(maxlen=JUDGED)
        self._why = ""

    def make(self) -> None:
        with ThreadPoolExecutor(IN_FLIGHT_PER_ENDPOINT, thread_name_prefix="load") as pool:
            shooters = [pool.submit(self._shoot) for _ in range(IN_FLIGHT_PER_ENDPOINT)]
            try:
                while not all(each.done() for each in shooters):
                    self._over.wait(NOTED_EVERY)
                    if self._over.is_set():
                        break
                    self._may_go_on()
            finally:
                self._over.set()
        for each in shooters:
            if error := each.exception():
                logger.error("load_rehearsal_broke", run=self._run.pk, exc_info=error)
                self._why = self._why or LoadEnd.BROKEN_OFF
        state = LoadState.STOPPED if self._why else LoadState.DONE
        self._note(state=state, why=self._why, ended_at=self._clock())

    def _may_go_on(self) -> None:
        """Note how far it is, and end the run where something stands against it."""
        why = ""
        if not self._note(until=self._clock() + SILENCE):
            why = LoadEnd.BROKEN_OFF  # somebody ended it meanwhile
        elif _memory.ends.is_set():
            why = LoadEnd.BROKEN_OFF
        else:
            run = LoadRehearsal.objects.select_related("endpoint", "organization").get(pk=self._run.pk)
            if run.stop_asked_at is not None:
                why = LoadEnd.BY_MEMBER
            elif not holds(TAKES_CLAIMS, run.endpoint) or run.endpoint.url != run.url:
                why = LoadEnd.ENDPOINT
            elif not permissions.state_allows(run.organization, Action.SEND_TEST_EVENTS):
                why = LoadEnd.NOT_ACTIVE
        if why:
            self._end(why)

    def _end(self, why: str) -> None:
        with self._lock:
            self._why = self._why or why
        self._over.set()

    def _note(self, **fields: Any) -> bool:
        """False: the run is no longer under way."""
        with self._lock:
            counted = {
                "sent": self._answers.total(),
                "took_ms": round((self._last - self._began) * 1000),
                "answers": dict(self._answers),
                "durations": dict(self._durations),
            }
        running = LoadRehearsal.objects.filter(pk=self._run.pk, state=LoadState.RUNNING)
        return bool(running.update(**counted, **fields))

    def _shoot(self) -> None:
        while (due := self._next()) is not None:
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            self._count(self._send())

    def _next(self) -> float | None:
        """When the next event is due (time.monotonic); None: there is none any more."""
        with self._lock:
            now = time.monotonic()
            if self._left <= 0 or now - self._began >= self._run.seconds:
                return None
            self._left -= 1
            due = max(self._due, now)
            self._due = due + 1 / self._run.rate
            return due

    def _send(self) -> Attempt:
        """No query."""
        now = self._clock()
        delivery = test_event(self._endpoint, self._actor, now)
        delivery.trigger, delivery.attempt_count = Trigger.TEST, 1
        lease = Lease(delivery, self._endpoint, "")
        return attempts.send(lease, keys=self._keys, now=now, deadline=TEST_DEADLINE)

    def _count(self, attempt: Attempt) -> None:
        with self._lock:
            self._last = time.monotonic()
            self._answers[LastAnswer.of(attempt.status, attempt.error_class).value] += 1
            self._durations[_two_digits(attempt.duration_ms or 0)] += 1
            self._lately.append(attempt.succeeded)
            failing = self._lately.count(False) >= MOST_FAILED
        if attempt.status in PAUSING_STATUSES and retry_after(attempt):
            self._end(LoadEnd.ASKED)
        elif failing:
            self._end(LoadEnd.FAILING)


def _two_digits(milliseconds: int) -> int:
    """Rounded down, so that a run has few different ones: 7, 42, 120, 3400."""
    size = int(f"1{'0' * (len(str(milliseconds)) - 2)}")
    return milliseconds // size * size
