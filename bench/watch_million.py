"""A million viewers: what each minute that they watch costs two crediting processes.

Beats go through the stream, as the web processes put them there; how fast those are is another measure
(`heartbeat_http`). Each measure has a PostgreSQL and a Valkey of its own.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bench import measure, servers, watch

VIEWERS = 1_000_000
CHANNELS = 500
MINUTES = 10
PROCESSES = 2
# So that three million fit into the minute.
SECONDS = 20.0
# A beat of each viewer of one partition, spread over the minute that begins at ARGV[3]. In Valkey itself: a client
# would be slower than what is measured.
BEATS = """
local first, last, start, step = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local number, partitions, channel, channels = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local network = string.rep('\\0', 8)
for viewer = first + (number - first) % partitions, last, partitions do
    local at = math.floor(start + (viewer - first) * step)
    local on = channel + math.floor(viewer / partitions) % channels
    redis.call('XADD', KEYS[1], string.format('%.0f-%d', at, viewer),
        'b', string.format('%d %d 0 0 0', viewer, on), 'n', network)
end
"""


@measure(floor=1.0, unit="s", lower_is_better=True)
def watch_million() -> tuple[float, float]:
    """The longest of the seconds that it takes to credit a minute of a million viewers, beside 20 seconds.

    Of ten minutes, without the first two, in which everybody begins. All that was earned is compared with what was
    sent.
    """
    with _audience(VIEWERS) as audience:
        took = [audience.watch_a_minute() for _ in range(MINUTES)]
        audience.check()
        print("seconds for each minute:", *(f"{each:.1f}" for each in took))
        return max(took[2:]), SECONDS


@measure(floor=0.5, unit="beats/s")
def watch_premiere() -> tuple[float, float]:
    """Beats credited in the two minutes in which a million viewers begin, beside plain inserts of the same rows."""
    with _audience(VIEWERS) as audience:
        ours = sum(audience.watch_a_minute() for _ in range(2))
        audience.check()
        return 2 * VIEWERS / ours, 2 * VIEWERS / audience.insert_again()


@measure(floor=0.85, unit="beats/s")
def watch_growth() -> tuple[float, float]:
    """Beats credited with a million viewers, beside those with a hundred thousand."""
    speeds = []
    for viewers in (VIEWERS, VIEWERS // 10):
        with _audience(viewers) as audience:
            took = [audience.watch_a_minute() for _ in range(6)]
            audience.check()
            speeds.append(viewers / min(took[2:]))
    return speeds[0], speeds[1]


@contextmanager
def _audience(viewers: int) -> Iterator[_Audience]:
    with servers.running_database("postgresql") as database_url, servers.running_valkey() as redis_url:
        settings = servers.set_up_django(database_url=database_url, redis_url=redis_url)
        audience = _Audience(viewers)
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        processes = [context.Process(target=_credit, args=(settings, stop)) for _ in range(PROCESSES)]
        for process in processes:
            process.start()
        try:
            yield audience
        finally:
            stop.set()
            for process in processes:
                process.join(timeout=60)


def _credit(settings: dict[str, str], stop: Event) -> None:
    """As the tasks of the worker do, without the second between them."""
    import gc
    import os

    os.environ |= settings | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    import django

    django.setup()
    from drops.domain.watch.stream import credit_all

    gc.collect()
    gc.freeze()
    while not stop.is_set():
        if not credit_all(now=lambda: datetime.now(UTC)):
            time.sleep(0.02)


class _Audience:
    """Viewers of live channels, and their next minutes."""

    def __init__(self, viewers: int) -> None:
        from django.conf import settings
        from django.db import connection

        # The ids of beats are times of Valkey's clock, which must not be ahead of it.
        self.start = datetime.now(UTC) - timedelta(minutes=MINUTES + 2)
        watch.NOON, watch.CHANNELS = self.start, CHANNELS
        self.world = watch.World(CHANNELS)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO accounts_user SELECT made.* FROM (SELECT to_jsonb(u) AS row FROM accounts_user u LIMIT 1),"
                " generate_series(%s, %s) n, jsonb_populate_record(NULL::accounts_user, row || jsonb_build_object("
                " 'id', n, 'username', 'v' || n, 'email', 'v' || n || '@example.com')) made",
                [CHANNELS + 1_000, CHANNELS + 999 + viewers],
            )
            cursor.execute("VACUUM ANALYZE")
        self.viewers = range(CHANNELS + 1_000, CHANNELS + 1_000 + viewers)
        self.partitions = settings.WATCH_PARTITIONS
        # A script that is sent again because it took long would meet its own beats.
        self.valkey = redis.from_url(settings.REDIS_URL, socket_timeout=300, retry=Retry(NoBackoff(), 0))
        self.minutes = 0

    def watch_a_minute(self) -> float:
        """Everybody's next beat; the seconds until all are credited."""
        from drops.domain.watch.stream import key

        moment = self.start + timedelta(minutes=self.minutes)
        self.minutes += 1
        started = time.perf_counter()
        for number in range(self.partitions):
            values = (
                self.viewers[0],
                self.viewers[-1],
                moment.timestamp() * 1000,
                60_000 / len(self.viewers),
            )
            self.valkey.eval(
                BEATS, 1, key(number), *values, number, self.partitions, self.world.channels[0], CHANNELS
            )
        while any(self.valkey.xlen(key(number)) for number in range(self.partitions)):
            time.sleep(0.02)
        return time.perf_counter() - started

    def check(self) -> None:
        """Each viewer has the time from the first beat to the last, in both campaigns; so do the hourly figures."""
        seconds = 60 * (self.minutes - 1)
        told = _row("SELECT count(*), min(seconds), max(seconds) FROM drops_progress")
        assert told == (2 * len(self.viewers), seconds, seconds), told
        total = 2 * len(self.viewers) * seconds
        assert _row("SELECT sum(seconds), sum(new_viewers) FROM drops_watchhour") == (
            total,
            2 * len(self.viewers),
        )

    def insert_again(self) -> float:
        """The seconds that it takes to insert the rows of all into empty tables, as many at a time as beats are
        credited, from as many connections."""
        from django.db import connection

        from drops.domain.watch.stream import BATCH

        tables = ("drops_watchinterval", "drops_progress")
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"CREATE TABLE again_{table} (LIKE {table} INCLUDING ALL)")

        def insert(part: int) -> None:
            try:
                for first in range(part * BATCH, len(self.viewers), PROCESSES * BATCH):
                    ids = [self.viewers[first], self.viewers[min(first + BATCH, len(self.viewers)) - 1]]
                    with connection.cursor() as cursor:
                        for table in tables:
                            cursor.execute(
                                f"INSERT INTO again_{table} SELECT * FROM {table} WHERE viewer_id BETWEEN %s AND %s",  # noqa: S608
                                ids,
                            )
            finally:
                connection.close()

        started = time.perf_counter()
        with ThreadPoolExecutor(PROCESSES) as threads:
            list(threads.map(insert, range(PROCESSES)))
        return time.perf_counter() - started


def _row(sql: str) -> tuple[Any, ...]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchone())
