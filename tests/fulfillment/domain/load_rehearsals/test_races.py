"""Two at once, and a worker that is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from accounts.models import User
from fulfillment.domain.load_rehearsals.firing import end_overdue, fire_next
from fulfillment.domain.load_rehearsals.reading import report
from fulfillment.domain.load_rehearsals.starting import start_load_rehearsal
from fulfillment.models import LoadRehearsal, WebhookEndpoint
from tests.fulfillment import claimers
from tests.fulfillment.receiver import Receiver
from tests.running import ROOT

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
THREADS = 4


def at_once(act: Callable[[], object]) -> list[object]:
    barrier = Barrier(THREADS)

    def run() -> object:
        try:
            barrier.wait()
            return act()
        except ValidationError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return [each.result() for each in [pool.submit(run) for _ in range(THREADS)]]


def start(endpoint: WebhookEndpoint, actor: User, now: datetime, seconds: int = 1) -> LoadRehearsal:
    return start_load_rehearsal(endpoint=endpoint, rate=20, seconds=seconds, actor=actor, now=now)


def test_of_requests_at_once_one_begins_a_run(endpoint: WebhookEndpoint, owner: User, now: datetime) -> None:
    found = at_once(lambda: start(endpoint, owner, now))
    assert sum(isinstance(each, LoadRehearsal) for each in found) == 1
    assert LoadRehearsal.objects.count() == 1


def test_of_workers_at_once_one_makes_the_run(
    endpoint: WebhookEndpoint, receiver: Receiver, owner: User, now: datetime
) -> None:
    start(endpoint, owner, now)
    assert sorted(at_once(lambda: fire_next(clock=lambda: now))) == [False, False, False, True]  # type: ignore[type-var]
    assert LoadRehearsal.objects.get().sent == len(receiver.received)


def test_a_killed_worker_leaves_no_run_that_goes_on(
    endpoint: WebhookEndpoint, receiver: Receiver, owner: User
) -> None:
    run = start(endpoint, owner, timezone.now(), seconds=30)
    program = """if True:
        import django
        django.setup()
        from django.utils import timezone
        from fulfillment.domain.load_rehearsals.firing import fire_next
        fire_next(clock=timezone.now)
    """
    worker = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=claimers.environment())
    try:
        while not run.sent:
            assert worker.poll() is None
            run.refresh_from_db()
    finally:
        worker.kill()
    assert worker.wait() == -9
    run.refresh_from_db()
    assert run.state == "running"
    assert report(run, now=run.until).why == "broken_off"
    assert not fire_next(clock=lambda: run.began_at)
    assert end_overdue(now=run.until) == 1
    sent = run.sent
    run.refresh_from_db()
    assert (run.state, run.why, run.sent) == ("stopped", "broken_off", sent)
    start(endpoint, owner, timezone.now())
