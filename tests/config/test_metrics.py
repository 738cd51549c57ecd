"""The figures for Prometheus."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from accounts.models import User
from config import metrics
from config.metrics import Gauge, Reading, value_of
from drops.domain import readings as of_drops
from drops.domain.watch import stream
from drops.domain.watch.beats import Beat
from drops.models import Channel
from fulfillment.domain import readings as of_deliveries
from scripts.ports import free_port
from tests.factories import NOW


@pytest.fixture
def registry() -> Iterator[None]:
    """What `serve` registers is taken out again: a process serves once."""
    before = set(REGISTRY._collector_to_names)
    yield
    for collector in set(REGISTRY._collector_to_names) - before:
        REGISTRY.unregister(collector)


def told(port: int) -> dict[str, dict[tuple[str, ...], float]]:
    """The figures at a port, by name and values of labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("registry")
def test_a_process_tells_its_figures_on_a_port_of_its_own(settings: Settings, valkey_url: str) -> None:
    settings.REDIS_URL, settings.METRICS_PORT = valkey_url, free_port()

    port = metrics.serve("web")

    assert port is not None
    figures = told(port)
    assert figures["drops_process"] == {("web",): 1}
    assert figures["drops_up"] == {(part,): 1 for part in ("queues", "watch time", "campaigns", "deliveries")}
    assert figures["drops_watch_lag_seconds"] == {(): 0}
    assert figures["drops_queue_messages"] == {("celery",): 0, ("deliveries",): 0}
    assert len(figures["drops_watch_stream_length"]) == settings.WATCH_PARTITIONS


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("registry")
def test_the_next_process_takes_the_next_port(settings: Settings) -> None:
    settings.METRICS_PORT = free_port()
    first = metrics.serve("web")
    for collector in [each for each in REGISTRY._collector_to_names if isinstance(each, metrics.Platform)]:
        REGISTRY.unregister(collector)

    second = metrics.serve("clock")

    assert first is not None
    assert second is not None
    assert second > first


def test_nothing_is_told_unless_a_port_is_set() -> None:
    assert metrics.serve("web") is None


@pytest.mark.django_db
def test_what_cannot_be_read_is_said_and_hides_nothing_else(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    found = {
        reading.labels[0]: reading.value
        for reading in metrics._read(timezone.now())
        if reading.gauge is metrics.UP
    }

    assert found == {"queues": 0, "watch time": 0, "campaigns": 1, "deliveries": 1}


@pytest.mark.django_db
def test_many_who_ask_have_rows_read_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    asked = []

    def read(moment: datetime) -> list[Reading]:
        asked.append(moment)
        return [Reading(metrics.QUEUE, len(asked), ("celery",))]

    monkeypatch.setattr(metrics, "sources", {"queues": read})

    first, second = metrics.readings(now), metrics.readings(now + timedelta(seconds=1))

    assert first == second
    assert asked == [now]
    assert value_of(metrics.readings(now + timedelta(seconds=metrics.KEPT)), metrics.QUEUE) == 2


@pytest.mark.django_db(transaction=True)
def test_beats_are_counted_where_they_are_taken_and_where_they_are_credited(
    settings: Settings, valkey_url: str, viewer: User, channel: Channel
) -> None:
    settings.REDIS_URL = valkey_url
    before = {name: counted(name) for name in ("drops_beats_accepted_total", "drops_beats_credited_total")}
    stream.append(Beat(viewer.pk, channel.pk, 0))
    lengths = [reading.value for reading in of_drops.read_watch_time(NOW) if reading.gauge is of_drops.LENGTH]

    stream.credit_all(now=timezone.now)

    assert sum(lengths) == 1
    assert {name: counted(name) - value for name, value in before.items()} == dict.fromkeys(before, 1)
    assert sum(stream.lengths()) == 0


@pytest.mark.django_db
def test_a_refused_beat_is_counted_by_its_reason(client: Client) -> None:
    before = (
        counted("drops_beats_refused_total", reason="malformed"),
        counted("drops_beats_refused_total", reason="token"),
    )

    client.post("/viewer/v1/beat", "{", content_type="application/json")
    client.post("/viewer/v1/beat", {"channel_id": 1, "token": "x"}, content_type="application/json")

    assert counted("drops_beats_refused_total", reason="malformed") == before[0] + 1
    assert counted("drops_beats_refused_total", reason="token") == before[1] + 1


def test_figures_name_nobody() -> None:
    """No figure has a label whose values are organizations, campaigns, channels or people."""
    gauges = [
        each
        for module in (metrics, of_drops, of_deliveries)
        for each in vars(module).values()
        if isinstance(each, Gauge)
    ]
    labels = {label for gauge in gauges for label in gauge.labels}
    labels |= {label for each in REGISTRY._collector_to_names for label in getattr(each, "_labelnames", ())}
    assert labels <= {"part", "queue", "partition", "status", "reason", "outcome", "task", "process"}
