"""What runs by the clock. Tasks only call the domain."""

from __future__ import annotations

import threading
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from config import ticks
from drops.domain import telling
from drops.domain.campaigns import phases, promises, publications
from drops.domain.catalogue import livestreams, merging, pictures
from drops.domain.watch import history, network_groups, stream


@shared_task
def note_phase_changes() -> int:
    """Run once a minute by beat, drafts whose time has come are published first; returns how many changes were
    noted."""
    now = timezone.now()
    publications.publish_due(now=now)
    return len(phases.note_phase_changes(now=now))


# One run at a time in a process: a million viewers to tell must not take the worker's other threads.
_telling = threading.Lock()


@shared_task
def tell_viewers() -> int:
    """Run every five seconds by beat: tell viewers of phase changes. Returns how many. Any number of workers may run
    it at once."""
    if not _telling.acquire(blocking=False):
        return 0
    try:
        return telling.go_on(clock=timezone.now)
    finally:
        _telling.release()


# One crediting at a time in a process: a long backlog must not take the worker's other threads.
_crediting = threading.Lock()


@shared_task
def credit_watch_time() -> int:
    """Run every second by beat: credit what is in the watch stream; returns how many beats it was.

    Any number of workers may run it at once: they share the partitions out among themselves.
    """
    ticks.note("celery")
    if not settings.REDIS_URL or not _crediting.acquire(blocking=False):
        return 0
    try:
        return stream.credit_all(now=timezone.now)
    finally:
        _crediting.release()


@shared_task
def purge_watch_history() -> int:
    """Run once a day by beat; returns how many rows were old enough to go."""
    now = timezone.now()
    intervals = history.purge(before=now - timedelta(days=settings.WATCH_HISTORY_DAYS))
    return intervals + network_groups.purge(now=now)


@shared_task
def finish_merges() -> int:
    """Run once a minute by beat: rows of a merged category that were written late follow. Returns how many."""
    return merging.finish(now=timezone.now())


@shared_task
def count_viewers() -> None:
    """Run once a minute by beat: how many watch each livestream."""
    livestreams.count_viewers(now=timezone.now())


@shared_task
def make_small_pictures() -> int:
    """Run every ten minutes by beat: rewards from before their pictures had two sizes get the second."""
    return pictures.make_small_pictures()


@shared_task
def begin_promise_logs() -> int:
    """Run once a minute by beat: the log of a campaign begins when it is announced."""
    return promises.begin_logs(now=timezone.now())
