"""What load balancers ask: `/healthz` and `/readyz`."""

from __future__ import annotations

import socket

import pytest
import redis
from django.test import Client
from pytest_django import Settings

from config import ticks
from drops.models import WatchPartition


def test_the_process_is_up_whatever_else_is(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.fixture
def ticking(settings: Settings, valkey_url: str) -> redis.Redis:
    """A Redis where a worker of each queue was reached just now."""
    settings.REDIS_URL = valkey_url
    for queue in ticks.QUEUES:
        ticks.note(queue)
    return ticks.client(valkey_url)


def beat_from(seconds_ago: int, connection: redis.Redis) -> str:
    """Add a beat to the stream of partition 0; returns its id."""
    seconds, _ = connection.time()
    beat_id = f"{(seconds - seconds_ago) * 1000}-0"
    connection.xadd("drops:watch:0", {"b": "1 1 0 0 0"}, id=beat_id)
    return beat_id


@pytest.mark.django_db
def test_ready_when_all_answer_and_tasks_are_carried_out(client: Client, ticking: redis.Redis) -> None:
    beat_from(60, ticking)

    response = client.get("/readyz")

    assert response.status_code == 200
    answer = response.json()
    ages = answer.pop("seconds")
    assert answer == {"database": "ok", "redis": "ok", "tasks": "ok"}
    assert ages.keys() == {"celery", "deliveries", "oldest beat", "ahead"}
    assert ages["oldest beat"] >= 59


@pytest.mark.django_db
@pytest.mark.parametrize("queue", ticks.QUEUES)
def test_not_ready_when_a_queue_was_not_reached_for_a_minute(
    client: Client, ticking: redis.Redis, queue: str
) -> None:
    ticking.pexpire(f"drops:tick:{queue}", ticks.KEPT - 61_000)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["tasks"] == "late"
    assert response.json()["seconds"][queue] >= 61


@pytest.mark.django_db
def test_not_ready_when_no_tick_is_known(client: Client, settings: Settings, valkey_url: str) -> None:
    settings.REDIS_URL = valkey_url

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["tasks"] == "late"
    seconds = response.json()["seconds"]
    assert (seconds["celery"], seconds["deliveries"], seconds["oldest beat"]) == (None, None, 0)


@pytest.mark.django_db
def test_not_ready_when_a_beat_waits_for_two_minutes(client: Client, ticking: redis.Redis) -> None:
    beat_from(121, ticking)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["tasks"] == "late"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["stream", "position"])
def test_not_ready_while_the_watch_stream_is_in_the_future(
    client: Client, ticking: redis.Redis, where: str
) -> None:
    beat_id = beat_from(-600, ticking)
    if where == "position":
        WatchPartition.objects.create(pk=0, position=beat_id)
        ticking.delete("drops:watch:0")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["seconds"]["ahead"] > 500


@pytest.mark.django_db(transaction=True)
def test_a_beat_that_was_credited_waits_no_more(client: Client, ticking: redis.Redis) -> None:
    """A worker that dies after its commit leaves the beat in the stream."""
    WatchPartition.objects.create(pk=0, position=beat_from(121, ticking))

    assert client.get("/readyz").json()["seconds"]["oldest beat"] == 0


@pytest.mark.django_db
def test_without_redis_the_database_is_enough(client: Client) -> None:
    assert client.get("/readyz").json() == {"database": "ok"}


@pytest.mark.django_db
def test_not_ready_while_redis_refuses(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"database": "ok", "redis": "unreachable", "tasks": "unreachable"}


@pytest.mark.django_db
def test_a_redis_that_hangs_is_given_up(client: Client, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json() == {"database": "ok", "redis": "unreachable", "tasks": "unreachable"}


@pytest.mark.django_db
def test_asked_by_address_and_without_tls(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/readyz", headers={"host": "10.0.0.7:8000"}).status_code == 200
