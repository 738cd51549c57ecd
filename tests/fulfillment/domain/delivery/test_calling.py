"""Workers are called to what is due, and nobody waits for a broker that is away."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from celery import Celery
from django.db import transaction

from config import queues
from config.celery import QuickAMQP, app as site
from config.queues import MOST_WAITING
from fulfillment.domain.claims.claiming import claim_reward
from fulfillment.domain.delivery import calling, queue
from fulfillment.domain.delivery.calling import call_workers
from tests.fulfillment.delivering import make_claim


@contextmanager
def celery_with(broker_url: str) -> Iterator[None]:
    """Celery as it is with Redis."""
    app = Celery("tests", amqp=QuickAMQP)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.update(broker_url=broker_url, task_always_eager=False)
    app.set_current()
    try:
        yield
    finally:
        site.set_current()
        app.close()


@pytest.fixture
def broker(settings, valkey_url) -> Iterator[redis.Redis]:
    settings.REDIS_URL = valkey_url
    with celery_with(valkey_url), redis.from_url(valkey_url) as connection:
        yield connection


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


@pytest.mark.parametrize("hangs", ["from the beginning", "once its queue was measured"])
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("earned", "linked", "endpoint")
def test_a_broker_that_hangs_adds_less_than_3_seconds_to_a_claim(
    settings, monkeypatch, viewer, campaign, reward, now, hangs
):
    """Each connection is given up after its timeout, so their sum is the longest that a claim can wait."""
    waits: list[float] = []
    connect = redis.connection.Connection._connect

    def note(connection: redis.connection.Connection) -> socket.socket:
        waits.append(connection.socket_timeout)
        return connect(connection)

    monkeypatch.setattr(redis.connection.Connection, "_connect", note)
    if hangs == "once its queue was measured":
        monkeypatch.setattr(queues, "room", lambda _: 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with celery_with(settings.REDIS_URL):
            claim = claim_reward(
                viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now, attempt=False
            )

    assert claim.deliveries.get().attempt_count == 0
    published = settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"] in waits
    assert published == (hangs == "once its queue was measured")
    assert 0 < sum(waits) < 3


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
