"""A database or a Valkey that answers and takes no writes: it is said, and nothing that was confirmed is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
import redis
import time_machine
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from config import refusals, ticks
from drops.domain.watch import stream
from drops.domain.watch.beats import Beat
from drops.models import Campaign, Channel, Reward
from fulfillment.models import Claim
from tests import factories
from tests.dashboard import sign_in


@pytest.fixture
def healthy(settings: Settings, valkey_url: str) -> Iterator[redis.Redis]:
    """A Valkey that works, with workers that tick; as it was set up at the end."""
    settings.REDIS_URL = valkey_url
    for queue in ticks.QUEUES:
        ticks.note(queue)
    client = redis.from_url(valkey_url)
    yield client
    client.config_set("maxmemory", 0)
    client.config_set("maxmemory-policy", "noeviction")
    client.close()


def ready(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


@pytest.mark.django_db
def test_a_valkey_that_evicts_is_told_of(client: Client, healthy: redis.Redis, log: StringIO) -> None:
    assert ready(client)[0] == 200
    healthy.config_set("maxmemory-policy", "allkeys-lru")
    healthy.config_set("maxmemory", "1gb")

    status, answers = ready(client)
    ready(client)

    assert (status, answers["redis"]) == (503, "evicts")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["redis"]) for line in lines if line["event"] == "not_ready"] == [
        ("not_ready", "evicts")
    ]


@pytest.mark.django_db
def test_a_valkey_that_is_full_is_told_of_and_refuses_beats(
    client: Client, healthy: redis.Redis, viewer: User, channel: Channel
) -> None:
    healthy.config_set("maxmemory", "1mb")

    status, answers = ready(client)
    with pytest.raises(stream.StreamDown):
        stream.append(Beat(viewer.pk, channel.pk, 0))

    assert (status, answers["redis"]) == (503, "full")


@pytest.mark.django_db
def test_all_is_well_again_without_a_restart(client: Client, healthy: redis.Redis, log: StringIO) -> None:
    healthy.config_set("maxmemory", "1mb")
    ready(client)
    healthy.config_set("maxmemory", 0)

    assert ready(client)[0] == 200
    assert '"event": "ready_again"' in log.getvalue()


def set_read_only(on: bool) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET default_transaction_read_only = {'on' if on else 'off'}")
        else:
            cursor.execute(f"PRAGMA query_only = {int(on)}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("earned", "linked")
def test_while_the_database_is_read_only_claims_are_refused_and_none_is_lost(
    client: Client, reward: Reward, campaign: Campaign, viewer: User, log: StringIO
) -> None:
    before = factories.ClaimFactory(campaign=campaign)
    browser = sign_in(client, viewer)
    browser.raise_request_exception = False
    wish = {"campaign": campaign.pk, "reward": reward.pk}
    with time_machine.travel(factories.NOW, tick=False):
        set_read_only(True)
        try:
            refused = browser.post("/inventory/claim/", wish)
        finally:
            set_read_only(False)
        status, answers = ready(client)
        cache.delete(refusals.KEY)  # the minute for which it is remembered is over
        accepted = browser.post("/inventory/claim/", wish)

    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert (status, answers["database"]) == (503, "read-only")
    assert '"event": "database_refuses_writes"' in log.getvalue()
    assert accepted.status_code == 302
    assert Claim.objects.filter(viewer=viewer).count() == 1
    assert Claim.objects.filter(pk=before.pk).exists()
    assert ready(client)[0] == 200


def close_the_server(closed: bool) -> None:
    """Return once connections that are open already know of it."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if closed else 'off'}")
        cursor.execute("SELECT pg_reload_conf()")
        shown = ""
        while shown != ("on" if closed else "off"):
            cursor.execute("SHOW default_transaction_read_only")
            ((shown,),) = cursor.fetchall()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_read_only_is_told_of_before_anybody_writes(client: Client) -> None:
    """As a replica is, and a server that an administrator closed."""
    close_the_server(True)
    try:
        answer = ready(client)
    finally:
        close_the_server(False)

    assert answer == (503, {"database": "read-only"})


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_told_of_for_a_minute(client: Client, log: StringIO) -> None:
    """SQLite's limit of pages brings the very error; of PostgreSQL's, the class that psycopg raises."""
    error: BaseException
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {cursor.execute('PRAGMA page_count').fetchone()[0]}")
            try:
                with pytest.raises(OperationalError) as raised:
                    cursor.execute("CREATE TABLE filling AS SELECT randomblob(9000000) AS a")
            finally:
                cursor.execute("PRAGMA max_page_count = 1073741823")
        error = raised.value
    else:
        error = OperationalError("could not extend file: No space left on device")
        error.__cause__ = psycopg.errors.DiskFull()

    refusals.note(error)

    assert ready(client) == (503, {"database": "full"})
    assert '"why": "full"' in log.getvalue()


def test_other_errors_say_nothing_about_the_disk() -> None:
    assert refusals.why_no_writes(OperationalError("connection refused")) == ""
    assert refusals.why_no_writes(ValueError("database or disk is full")) == ""
    assert refusals.why_no_writes(None) == ""
