"""Celery as Drops sets it up."""

from __future__ import annotations

import pytest
from django.conf import settings

from config.celery import app


class EnoughTried(Exception):
    pass


def test_a_broker_that_is_away_is_tried_again_every_second() -> None:
    """Celery's own pauses grow up to half a minute, and what is due would wait for that long after its return."""
    pauses: list[float] = []

    def note(error: Exception, pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 3:
            raise EnoughTried

    with app.connection_for_read("redis://127.0.0.1:1/0") as connection, pytest.raises(EnoughTried):
        connection.ensure_connection(note, app.conf.broker_connection_max_retries)

    assert pauses == [1, 1, 1]


def test_a_worker_never_gives_its_broker_up() -> None:
    assert app.conf.broker_connection_max_retries is None


def test_the_clock_calls_tasks_that_there_are() -> None:
    app.loader.import_default_modules()
    called = {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert called - set(app.tasks) == set()
