"""The loop in every worker process: it delivers what is due, and nothing stops it for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from fulfillment.domain.delivery import attempts, dispatcher
from fulfillment.domain.delivery.dispatcher import Dispatcher
from fulfillment.models import Attempt, Delivery, DeliveryState
from tests.fulfillment.delivering import make_delivery
from tests.fulfillment.receiver import Reply

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@contextmanager
def dispatching(threads: int = 4) -> Iterator[Dispatcher]:
    running = Dispatcher(threads=threads, clock=timezone.now)
    running.start()
    try:
        yield running
    finally:
        running.stop()


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
    with dispatching():
        wait_until(all_delivered)
        late = make_delivery(endpoint, now)
        wait_until(all_delivered)

    assert len(receiver.received) == 41
    assert receiver.received[-1].message_id == late.pk
    assert Attempt.objects.count() == 41


def test_stopping_waits_for_what_is_under_way(endpoint, receiver, now):
    arrived, go_on = threading.Event(), threading.Event()

    def decide(received):
        arrived.set()
        go_on.wait(60)
        return Reply(200)

    receiver.decide = decide
    make_delivery(endpoint, now)
    with dispatching() as running:
        assert arrived.wait(60)
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        go_on.set()
        stopping.join()
        assert all_delivered()


def test_a_database_that_is_away_delays_what_is_known_and_loses_nothing(endpoint, receiver, now, monkeypatch):
    monkeypatch.setattr(dispatcher, "ERROR_PAUSE", 0.1)
    failures = iter([OperationalError("the connection is lost")] * 3)
    write = attempts.write_outcomes

    def write_outcomes(outcomes):
        for failure in failures:
            raise failure
        write(outcomes)

    monkeypatch.setattr(attempts, "write_outcomes", write_outcomes)
    make_delivery(endpoint, now)
    with dispatching():
        wait_until(all_delivered)

    assert len(receiver.received) == 1


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
        with dispatching():
            wait_until(lambda: Delivery.objects.filter(state=DeliveryState.DELIVERED).count() == len(well))

    sick.refresh_from_db()
    assert (sick.state, sick.lease_token is not None) == (DeliveryState.PENDING, True)
    connection.close()
