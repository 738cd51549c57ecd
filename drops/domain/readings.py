"""What Prometheus and the operators' page read of watch time and campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from config.metrics import Gauge, Reading, readings, value_of
from drops.domain.campaigns import phases
from drops.domain.watch import stream

LENGTH = Gauge("drops_watch_stream_length", "Beats in a partition's stream.", ("partition",))
LAG = Gauge("drops_watch_lag_seconds", "How long the oldest beat has waited to be credited.")
AHEAD = Gauge(
    "drops_watch_ahead_seconds", "How far the watch stream or its clock is ahead of the clock here."
)
LATE = Gauge("drops_phase_changes_late", "Phase changes whose moment is over and that are not noted yet.")
LATEST = Gauge("drops_phase_changes_late_seconds", "How long ago the moment of the oldest of them was.")


def read_watch_time(now: datetime) -> Iterator[Reading]:
    """redis.RedisError"""
    if not settings.REDIS_URL:
        return
    ages = stream.ages()
    yield Reading(LAG, ages["oldest beat"] or 0.0)
    yield Reading(AHEAD, ages["ahead"] or 0.0)
    for number, length in enumerate(stream.lengths()):
        yield Reading(LENGTH, length, (str(number),))


def counted_up_to_age(*, now: datetime) -> float | None:
    """How many seconds ago the moment was up to which all watch time is counted; None where nobody knows."""
    return value_of(readings(now), LAG) if settings.REDIS_URL else 0.0


def read_campaigns(now: datetime) -> Iterator[Reading]:
    late = phases.late(now=now)
    yield Reading(LATE, len(late))
    yield Reading(LATEST, max(((now - due).total_seconds() for due in late), default=0.0))
