"""Channels are found by what their names begin with, however many there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from drops.domain.campaigns.allow_lists import channels_beginning_with, channels_named
from drops.models import Channel
from tests.plans import analyze, empty, rows_read

FEW, MANY = 500, 5_000


def make(count: int, prefix: str) -> None:
    people = User.objects.bulk_create(User(username=f"{prefix}_{at}") for at in range(count))
    Channel.objects.bulk_create(Channel(owner=user, slug=user.username) for user in people)


def statements(call: Any) -> list[tuple[str, Any]]:
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        call()
    return asked


@pytest.mark.django_db
def test_sqlite_searches_an_index() -> None:
    if connection.vendor != "sqlite":
        return
    make(3, "streamer")
    for call in (lambda: channels_beginning_with("str"), lambda: channels_named(["streamer_1", "x"])):
        for sql, params in statements(call):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
                plan = " ".join(str(row) for row in cursor.fetchall())
            assert "SEARCH" in plan, plan
            assert "SCAN drops_channel" not in plan, plan


@pytest.mark.postgresql
@pytest.mark.django_db
def test_postgresql_reads_no_more_of_many_channels() -> None:
    def read(prefix: str) -> float:
        return sum(
            rows_read(sql, params) for sql, params in statements(lambda: channels_beginning_with(prefix))
        )

    empty(Channel)
    make(FEW, "other")
    make(5, "storm")
    analyze(Channel)
    few = read("storm"), read("o")
    make(MANY, "further")
    analyze(Channel)
    assert (read("storm"), read("o")) <= few
    assert [channel.slug for channel in channels_beginning_with("STORM_")] == [
        f"storm_{at}" for at in range(5)
    ]
