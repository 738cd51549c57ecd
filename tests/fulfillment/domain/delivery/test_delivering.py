"""Many threads deliver what is due, and ask the database together; nothing stops them for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from fulfillment.domain.delivery import attempts, delivering, queue
from fulfillment.models import Attempt, Delivery, DeliveryState
from tests.fulfillment.delivering import make_delivery
from tests.fulfillment.receiver import Reply

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@contextmanager
def delivering_threads(count: int = 4) -> Iterator[Callable[[int], object]]:
    """A worker of so many threads, which is called once; yields what calls more of them. It is stopped in the end."""
    with ThreadPoolExecutor(count) as pool:

        def call(more: int) -> None:
            for _ in range(more):
                pool.submit(delivering.deliver_due, clock=timezone.now, call=call)

        call(1)
        try:
            yield call
        finally:
            delivering.stop()


def deliver() -> int:
    return delivering.deliver_due(clock=timezone.now, call=[].append)


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def all_delivered() -> bool:
    return not Delivery.objects.exclude(state=DeliveryState.DELIVERED).exists()


def test_what_is_due_is_delivered_once_each(endpoint, receiver, now):
    for _ in range(40):
        make_delivery(endpoint, now)
    with delivering_threads() as call:
        wait_until(all_delivered)
        late = make_delivery(endpoint, now)
        call(1)
        wait_until(all_delivered)

    assert len(receiver.received) == 41
    assert receiver.received[-1].message_id == late.pk
    assert Attempt.objects.count() == 41


def test_one_thread_delivers_all_that_is_due_and_calls_for_more(endpoint, receiver, now, settings):
    settings.DELIVERY_THREADS = 3
    for _ in range(4):
        make_delivery(endpoint, now)
    called: list[int] = []

    assert delivering.deliver_due(clock=timezone.now, call=called.append) == 4
    assert all_delivered()
    assert called == [2, 2, 2, 2]


def test_nobody_is_called_where_nothing_is_due(endpoint, now):
    called: list[int] = []

    assert delivering.deliver_due(clock=timezone.now, call=called.append) == 0
    assert called == []


def test_a_thread_whose_time_is_over_leaves_the_rest_to_another(endpoint, receiver, now):
    make_delivery(endpoint, now)
    called: list[int] = []

    assert delivering.deliver_due(clock=timezone.now, call=called.append, seconds=0) == 0
    assert called == [1]
    assert receiver.received == []


def test_outcomes_that_come_together_are_written_together(endpoint, receiver, now, monkeypatch):
    """Four requests are answered at once: their threads come to the counter while it is busy with another's."""
    together = threading.Barrier(4)

    def decide(received):
        together.wait(60)
        return Reply(200)

    receiver.decide = decide
    for _ in range(4):
        make_delivery(endpoint, now)
    written: list[int] = []
    write = attempts.write_outcomes
    monkeypatch.setattr(delivering, "GATHER", 0.5)
    monkeypatch.setattr(
        attempts, "write_outcomes", lambda outcomes: (written.append(len(outcomes)), write(outcomes))
    )
    with delivering_threads():
        wait_until(all_delivered)

    assert sum(written) == 4
    assert len(written) < 4


def test_nobody_waits_for_a_thread_whose_studio_is_slow(endpoint, receiver, now, monkeypatch):
    arrived, go_on = threading.Event(), threading.Event()
    waits: list[float] = []
    waits_at_requests: list[int] = []
    monkeypatch.setattr(delivering, "time", SimpleNamespace(monotonic=time.monotonic, sleep=waits.append))

    def decide(received):
        waits_at_requests.append(len(waits))
        if not arrived.is_set():
            arrived.set()
            go_on.wait(60)
        return Reply(200)

    receiver.decide = decide
    make_delivery(endpoint, now)
    with delivering_threads(1):
        arrived.wait(60)
        time.sleep(2 * delivering.RECENTLY)
        make_delivery(endpoint, now)
        assert deliver() == 1
        go_on.set()
        wait_until(all_delivered)

    assert waits_at_requests == [0, 0]


def test_stopping_waits_for_what_is_under_way_and_begins_nothing(endpoint, receiver, now):
    arrived, go_on = threading.Event(), threading.Event()

    def decide(received):
        arrived.set()
        go_on.wait(60)
        return Reply(200)

    receiver.decide = decide
    first = make_delivery(endpoint, now)
    thread = threading.Thread(target=deliver)
    thread.start()
    assert arrived.wait(60)
    make_delivery(endpoint, now)
    delivering.stop()
    go_on.set()
    thread.join()

    assert [request.message_id for request in receiver.received] == [first.pk]
    first.refresh_from_db()
    assert first.state == DeliveryState.DELIVERED


def test_a_database_that_is_away_delays_what_is_known_and_loses_nothing(endpoint, receiver, now, monkeypatch):
    monkeypatch.setattr(delivering, "ERROR_PAUSE", 0.1)
    failures = iter([OperationalError("the connection is lost")] * 3)
    write = attempts.write_outcomes

    def write_outcomes(outcomes):
        for failure in failures:
            raise failure
        write(outcomes)

    monkeypatch.setattr(attempts, "write_outcomes", write_outcomes)
    make_delivery(endpoint, now)
    deliver()

    assert all_delivered()
    assert len(receiver.received) == 1


def test_a_database_that_is_away_when_asked_what_is_due_ends_the_turn_alone(endpoint, now, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(queue, "take_due", lambda **_: 1 / 0)
        assert deliver() == 0
    make_delivery(endpoint, now)

    assert deliver() == 1


def test_an_outcome_that_cannot_be_written_does_not_hold_up_the_others(endpoint, receiver, now):
    """PostgreSQL refuses the NUL that this attempt brings; everything that comes from a peer is cleaned of it."""
    sick, *well = (make_delivery(endpoint, now) for _ in range(4))
    send = attempts.send

    def send_with_nul(lease, **keywords):
        made = send(lease, **keywords)
        if made.delivery_id == sick.pk:
            made.error = "\x00"
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempts, "send", send_with_nul)
        with delivering_threads():
            wait_until(lambda: Delivery.objects.filter(state=DeliveryState.DELIVERED).count() == len(well))

    sick.refresh_from_db()
    assert (sick.state, sick.lease_token is not None) == (DeliveryState.PENDING, True)
    connection.close()
