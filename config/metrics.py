"""Figures for Prometheus. Each process counts in its own memory and tells on a port of its own.

What rows and Redis know (`sources`) is read at most once in `KEPT` seconds, however many processes are asked.
docs/adr/0018-every-process-has-a-port-for-its-figures.md says why.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.signals import got_request_exception
from django.db import connection
from django.utils import timezone
from prometheus_client import REGISTRY, Counter, disable_created_metrics, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config import ticks

log = structlog.get_logger(__name__)

# Seconds that a reading of rows and Redis is told again, and that one of its sources may take.
KEPT = 10
SECONDS = 5
# Ports that are tried, from METRICS_PORT on: granian has several web processes.
PORTS = 32
# Parts of a second, from a claim without a webhook to the deadline of an attempt.
DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="metrics")


class Gauge(NamedTuple):
    """A figure that is read, not counted."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


class Reading(NamedTuple):
    gauge: Gauge
    value: float
    labels: tuple[str, ...] = ()


UP = Gauge("drops_up", "Whether the part of Drops could be read.", ("part",))
QUEUE = Gauge("drops_queue_messages", "Messages that wait in a queue of Celery.", ("queue",))
TICK = Gauge("drops_queue_tick_age_seconds", "Since a worker of the queue carried out a task.", ("queue",))
FAILED = Counter("drops_requests_failed", "Requests that were answered with 500 or 503.")
FAILED_TASKS = Counter("drops_tasks_failed", "Tasks that ended with an error.", ["task"])

# What the apps read, by part.
sources: dict[str, Callable[[datetime], Iterable[Reading]]] = {}


def read_queues(now: datetime) -> Iterator[Reading]:
    """redis.RedisError"""
    if not settings.REDIS_URL:
        return
    with ticks.client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
        for queue in ticks.QUEUES:
            pipeline.llen(queue)
        for queue, waiting in zip(ticks.QUEUES, pipeline.execute(), strict=True):
            yield Reading(QUEUE, waiting, (queue,))
    for queue, age in ticks.ages().items():
        yield Reading(TICK, float("inf") if age is None else age, (queue,))


sources["queues"] = read_queues


def readings(now: datetime) -> Sequence[Reading]:
    """What rows and Redis know, at most `KEPT` seconds old. A part that cannot be read has `UP` 0, and nothing else."""
    key = f"metrics:{int(now.timestamp()) // KEPT}"
    known: list[Reading] | None = cache.get(key)
    if known is None:
        known = _read(now)
        cache.set(key, known, 2 * KEPT)
    return known


def _read(now: datetime) -> list[Reading]:
    asked = {part: _threads.submit(_ask, read, now) for part, read in sources.items()}
    wait(asked.values(), timeout=SECONDS)
    found: list[Reading] = []
    for part, answer in asked.items():
        answered = answer.done() and answer.exception() is None
        found.append(Reading(UP, answered, (part,)))
        if answered:
            found += answer.result()
        else:
            answer.cancel()
            log.warning(
                "figures_not_read", part=part, error=repr(answer.exception()) if answer.done() else "slow"
            )
    return found


def _ask(read: Callable[[datetime], Iterable[Reading]], now: datetime) -> list[Reading]:
    try:
        return list(read(now))
    finally:
        connection.close()


def value_of(found: Iterable[Reading], gauge: Gauge) -> float | None:
    """The largest value of a figure; None where it could not be read."""
    return max((reading.value for reading in found if reading.gauge == gauge), default=None)


class Platform(Collector):
    """What every process tells alike: take `max` over the processes."""

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for gauge, value, labels in readings(timezone.now()):
            family = families.get(gauge.name)
            if family is None:
                family = families[gauge.name] = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            family.add_metric(labels, value)
        return families.values()


POOL = {
    "size": ("pool_size", "Connections to the database that this process holds."),
    "free": ("pool_available", "Those of them that nobody uses."),
    "most": ("pool_max", "The most that it may hold."),
    "waiting": ("requests_waiting", "Threads that wait for a connection."),
}


class Process(Collector):
    """What is true of this process alone."""

    def __init__(self, name: str) -> None:
        self._name = name

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        process = GaugeMetricFamily("drops_process", "A process of Drops that is up.", labels=["process"])
        process.add_metric([self._name], 1)
        yield process
        pool = getattr(connection, "_connection_pools", {}).get(connection.alias)
        if pool is None:
            return
        stats = pool.get_stats()
        for name, (key, words) in POOL.items():
            yield GaugeMetricFamily(f"drops_database_pool_{name}", words, value=stats.get(key, 0))
        yield CounterMetricFamily(
            "drops_database_pool_timeouts",
            "Threads that got no connection in time.",
            value=stats.get("requests_errors", 0),
        )


def serve(process: str) -> int | None:
    """Tell the figures of this process, which is one of `process`, on the first free port from METRICS_PORT on.

    Returns the port; None where METRICS_PORT is 0, or no port is free: that ends no process.
    """
    if not settings.METRICS_PORT:
        return None
    disable_created_metrics()  # type: ignore[no-untyped-call]
    REGISTRY.register(Platform())
    REGISTRY.register(Process(process))
    got_request_exception.connect(_note_failed_request)
    for port in range(settings.METRICS_PORT, settings.METRICS_PORT + PORTS):
        try:
            start_http_server(port, addr=settings.METRICS_HOST)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                log.error("metrics_not_served", port=port, error=str(error))
                return None
        else:
            log.info("metrics_served", process=process, host=settings.METRICS_HOST, port=port)
            return port
    log.error("metrics_not_served", port=settings.METRICS_PORT, error="no port is free")
    return None


def _note_failed_request(**_: Any) -> None:
    FAILED.inc()
