"""The log of the API: bounded, complete in its counts, cheap, and kept for a week."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import redis as redis_client
from django.db import connection
from django.db.models import Sum

from accounts.domain import api_calls
from accounts.domain.api_calls import Call
from accounts.models import ApiCall, CallKind, OAuthApp, Organization
from accounts.tasks import purge_api_calls, write_api_calls
from config.ulid import ulid_of
from tests import factories
from tests.factories import NOW


def call(app: OAuthApp, *, at: datetime = NOW, status: int = 200, kind: str = "app", **more: Any) -> Call:
    values = {
        "method": "GET",
        "route": "/public/v1/drops/claims",
        "path": "/public/v1/drops/claims",
        "milliseconds": 3,
        "request_id": "r",
        "error": "",
        **more,
    }
    return Call(at=at.timestamp(), client_id=app.client_id, kind=kind, status=status, **values)


def log(*calls: Call) -> None:
    for each in calls:
        api_calls.note(each)
    api_calls.flush()


def test_a_call_is_written_as_it_was(studio_app: OAuthApp, studio: Organization) -> None:
    log(
        call(
            studio_app, at=NOW + timedelta(milliseconds=250), status=404, error="not_found", request_id="abc"
        )
    )
    row = ApiCall.objects.get()
    assert (row.app, row.organization, row.status, row.status_class) == (studio_app, studio, 404, 4)
    assert (row.request_id, row.error, row.milliseconds, row.more) == ("abc", "not_found", 3, 0)
    assert row.at == NOW + timedelta(milliseconds=250)


@pytest.mark.parametrize(
    ("status", "its_class"), [(200, 2), (304, 2), (101, 2), (400, 4), (500, 5), (599, 5)]
)
def test_each_status_has_a_class(studio_app: OAuthApp, status: int, its_class: int) -> None:
    log(call(studio_app, status=status))
    assert ApiCall.objects.get().status_class == its_class


def test_what_is_too_much_for_a_minute_is_counted(
    studio_app: OAuthApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_calls, "KEPT_A_MINUTE", 3)
    for _ in range(2):
        log(*[call(studio_app) for _ in range(5)])
    log(call(studio_app, status=500), call(studio_app, at=NOW + timedelta(minutes=1)))
    kept = ApiCall.objects.filter(more=0)
    assert kept.count() == 5
    assert kept.filter(status_class=5).count() == 1
    rest = ApiCall.objects.get(more__gt=0)
    assert (rest.more, rest.status_class) == (7, 2)
    # It is the newest of its minute, and older than the next.
    assert list(ApiCall.objects.values_list("pk", flat=True))[1] == rest.pk


def test_wrong_secrets_of_strangers_take_no_room_from_an_apps_own_calls(
    studio_app: OAuthApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_calls, "KEPT_A_MINUTE", 2)
    log(*[call(studio_app, status=401, kind=CallKind.TOKEN) for _ in range(9)])
    log(call(studio_app, status=403))
    assert ApiCall.objects.filter(status=403).exists()
    assert ApiCall.objects.get(more__gt=0).more == 7


def test_two_processes_keep_no_more_than_one(studio_app: OAuthApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_calls, "KEPT_A_MINUTE", 3)
    for _ in range(2):
        api_calls._memory.seen.clear()  # each process counts for itself
        log(*[call(studio_app) for _ in range(4)])
    assert ApiCall.objects.filter(more=0).count() == 3
    assert ApiCall.objects.aggregate(Sum("more"))["more__sum"] == 5


def test_a_client_that_nobody_knows_is_not_logged(studio_app: OAuthApp) -> None:
    log(call(studio_app)._replace(client_id="nobody"))
    assert not ApiCall.objects.exists()


def test_the_last_use_is_written_once_a_minute_and_a_refused_secret_is_none(studio_app: OAuthApp) -> None:
    def last() -> tuple[datetime | None, str]:
        studio_app.refresh_from_db()
        return studio_app.last_used_at, studio_app.last_used_by

    log(call(studio_app, status=401), call(studio_app, status=400, kind=CallKind.TOKEN))
    assert last() == (None, "")
    log(call(studio_app, kind=CallKind.TOKEN))
    assert last() == (NOW, CallKind.TOKEN)
    log(call(studio_app, at=NOW + timedelta(seconds=59)))
    assert last() == (NOW, CallKind.TOKEN)
    log(call(studio_app, at=NOW + timedelta(seconds=60), status=404, kind=CallKind.VIEWER))
    assert last() == (NOW + timedelta(seconds=60), CallKind.VIEWER)


def test_calls_are_kept_for_seven_days(studio_app: OAuthApp, time_machine: Any) -> None:
    time_machine.move_to(NOW)
    log(*[call(studio_app, at=NOW - timedelta(days=7) + timedelta(seconds=each)) for each in (-1, 1)])
    assert purge_api_calls() == 1
    assert ApiCall.objects.get().at == NOW - timedelta(days=7) + timedelta(seconds=1)


def test_without_redis_some_are_held_and_then_written(
    studio_app: OAuthApp, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        for _ in range(api_calls.HELD - 1):
            api_calls.note(call(studio_app))
    api_calls.note(call(studio_app))
    assert ApiCall.objects.count() == api_calls.HELD


@pytest.mark.django_db
class TestWithRedis:
    @pytest.fixture(autouse=True)
    def redis(self, valkey_url: str, settings: Any) -> redis_client.Redis:
        settings.REDIS_URL = valkey_url
        return redis_client.from_url(valkey_url)

    def test_what_a_process_gathered_is_written_by_a_task(
        self, studio_app: OAuthApp, redis: redis_client.Redis, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            for _ in range(7):
                api_calls.note(call(studio_app))
            api_calls.flush()
        assert redis.llen(api_calls.WAITING) == 7
        assert write_api_calls() == 7
        assert ApiCall.objects.count() == 7
        assert write_api_calls() == 0

    def test_calls_leave_by_themselves(self, studio_app: OAuthApp, redis: redis_client.Redis) -> None:
        api_calls.note(call(studio_app))
        until = time.monotonic() + 60
        while not redis.llen(api_calls.WAITING) and time.monotonic() < until:
            time.sleep(0.01)
        assert redis.llen(api_calls.WAITING) == 1

    def test_a_writer_that_died_after_its_commit_is_repeated_without_harm(
        self, studio_app: OAuthApp, redis: redis_client.Redis
    ) -> None:
        log(*[call(studio_app) for _ in range(3)])
        lines = redis.lrange(api_calls.WAITING, 0, -1)
        write_api_calls()
        redis.rpush(api_calls.WAITING, *lines)
        assert write_api_calls() == 3
        assert ApiCall.objects.count() == 3

    def test_a_repeat_counts_nothing_as_too_many(
        self, studio_app: OAuthApp, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api_calls, "KEPT_A_MINUTE", 4)
        log(*[call(studio_app) for _ in range(3)])
        lines = redis.lrange(api_calls.WAITING, 0, -1)
        write_api_calls()
        redis.rpush(api_calls.WAITING, *lines)
        write_api_calls()
        assert [row.more for row in ApiCall.objects.all()] == [0, 0, 0]

    def test_one_worker_writes_at_a_time(self, studio_app: OAuthApp, redis: redis_client.Redis) -> None:
        log(call(studio_app))
        redis.set(api_calls.WRITER, "another", ex=60)
        assert write_api_calls() == 0
        redis.delete(api_calls.WRITER)
        assert write_api_calls() == 1

    @pytest.mark.postgresql  # SQLite takes what is no text
    def test_what_cannot_be_written_is_not_in_the_way_of_what_follows(self, studio_app: OAuthApp) -> None:
        log(call(studio_app)._replace(client_id="x\x00"))
        assert write_api_calls() == 1
        log(call(studio_app))
        assert write_api_calls() == 1
        assert ApiCall.objects.exists()

    def test_no_more_wait_than_have_room(
        self, studio_app: OAuthApp, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api_calls, "MOST_WAITING", 4)
        log(*[call(studio_app, request_id=str(number)) for number in range(6)])
        write_api_calls()
        assert sorted(ApiCall.objects.values_list("request_id", flat=True)) == ["2", "3", "4", "5"]

    def test_a_redis_that_is_away_costs_the_log_alone(self, studio_app: OAuthApp, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        log(call(studio_app))
        log(call(studio_app))
        assert not ApiCall.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_writers_at_once_keep_and_count_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_calls, "KEPT_A_MINUTE", 5)
    apps = [factories.OAuthAppFactory() for _ in range(2)]
    calls = [call(app)._replace(id=ulid_of(NOW)) for _ in range(40) for app in apps]
    start = Barrier(4)

    def work(part: int) -> None:
        start.wait()
        try:
            api_calls.write(calls[part::4])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, part) for part in range(4)]:
            done.result()
    for app in apps:
        assert ApiCall.objects.filter(app=app, more=0).count() == 5
        assert [row.more for row in ApiCall.objects.filter(app=app, more__gt=0)] == [35]
