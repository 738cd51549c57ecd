"""Workers are called to what is due, and nobody waits for a broker that is away."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import redis
from celery import Celery
from django.db import transaction

from config.celery import QuickAMQP, app as site
from config.queues import MOST_WAITING
from fulfillment.domain.delivery import calling, queue
from fulfillment.domain.delivery.calling import call_workers
from tests.fulfillment.delivering import make_claim


@pytest.fixture
def broker(settings, valkey_url) -> Iterator[redis.Redis]:
    """Celery as it is with Redis; yields a connection to that."""
    settings.REDIS_URL = valkey_url
    app = Celery("tests", amqp=QuickAMQP)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.update(broker_url=valkey_url, task_always_eager=False)
    app.set_current()
    try:
        with redis.from_url(valkey_url) as connection:
            yield connection
    finally:
        site.set_current()
        app.close()


def test_a_call_is_a_message_in_the_queue_of_deliveries(broker):
    call_workers()
    call_workers(2)

    assert broker.llen("deliveries") == 3
    assert broker.llen("celery") == 0


def test_no_more_is_called_than_could_come(broker):
    """Workers may be down for a day, with a call for every claim."""
    call_workers(MOST_WAITING - 1)
    call_workers(2)
    call_workers()

    assert broker.llen("deliveries") == MOST_WAITING


def test_without_redis_nobody_is_called(settings):
    settings.REDIS_URL = ""

    call_workers()


def test_a_broker_that_is_down_is_left_alone_for_a_while(broker, settings, monkeypatch):
    url, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    call_workers()
    settings.REDIS_URL = url
    call_workers()
    assert broker.llen("deliveries") == 0

    monkeypatch.setattr(calling, "REST", 0.0)
    calling._memory.begin()
    call_workers()
    assert broker.llen("deliveries") == 1


def test_a_broker_that_hangs_is_asked_once(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        call_workers()
        silent.accept()[0].close()
        call_workers()

        silent.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody else came
            silent.accept()


@pytest.mark.django_db(transaction=True)
def test_workers_are_called_once_a_claim_is_committed_that_has_no_room(broker, endpoint, now):
    with transaction.atomic():
        claim = make_claim(endpoint.organization, now)
        assert queue.create_for_claim(claim=claim, now=now, lease=False) == []
        assert broker.llen("deliveries") == 0

    assert broker.llen("deliveries") == 1


@pytest.mark.django_db(transaction=True)
def test_nobody_is_called_for_what_is_attempted_at_once_or_cannot_be_sent(broker, endpoint, now):
    create = transaction.atomic(queue.create_for_claim)
    assert create(claim=make_claim(endpoint.organization, now), now=now, lease=True)
    endpoint.held_at, endpoint.held_reason = now, "gone"
    endpoint.save()
    assert not create(claim=make_claim(endpoint.organization, now), now=now, lease=True)

    assert broker.llen("deliveries") == 0


@pytest.mark.django_db(transaction=True)
def test_workers_are_called_to_what_a_request_had_no_time_for(broker, endpoint, now):
    claim = make_claim(endpoint.organization, now)
    (lease,) = transaction.atomic(queue.create_for_claim)(claim=claim, now=now, lease=True)

    queue.give_back(lease, now=now)

    assert broker.llen("deliveries") == 1
