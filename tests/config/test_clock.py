"""The clock of all tasks: it remembers nothing, and does not flood queues that nobody empties."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from pytest_django import Settings

from config.celery import app
from config.clock import Clock
from config.queues import MOST_WAITING


@pytest.fixture
def broker(settings: Settings, valkey_url: str) -> Iterator[redis.Redis]:
    settings.REDIS_URL = valkey_url
    with redis.from_url(valkey_url) as connection:
        yield connection


def due(clock: Clock) -> set[str]:
    return {entry.task for entry in clock.schedule.values() if clock.is_due(entry).is_due}


def fill(queue: str, connection: redis.Redis) -> None:
    connection.rpush(queue, *["a message"] * MOST_WAITING)


def test_each_start_begins_with_every_task(broker: redis.Redis) -> None:
    clock = Clock(app)

    assert due(clock) == {entry["task"] for entry in app.conf.beat_schedule.values()}


def test_a_task_that_ran_is_due_again_after_its_time(broker: redis.Redis) -> None:
    clock = Clock(app)
    entry = next(clock.schedule["purge watch history"])

    is_due, wait = clock.is_due(entry)

    assert not is_due
    assert 86_000 < wait <= 86_400


def test_nothing_is_added_to_a_full_queue_and_it_stays_due(broker: redis.Redis) -> None:
    clock = Clock(app)
    fill("deliveries", broker)
    assert "fulfillment.tasks.deliver" not in due(clock)
    assert "drops.tasks.credit_watch_time" in due(clock)

    broker.delete("deliveries")
    assert "fulfillment.tasks.deliver" in due(clock)


def test_while_redis_is_away_everything_stays_due(broker: redis.Redis, settings: Settings) -> None:
    clock = Clock(app)
    url, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    assert due(clock) == set()

    settings.REDIS_URL = url
    assert "drops.tasks.credit_watch_time" in due(clock)
