"""What Celery does for claims: deliveries, on a queue of their own, and notices to owners and their chats."""

from __future__ import annotations

import threading
from datetime import timedelta

from celery import shared_task, signals
from django.conf import settings
from django.utils import timezone

from config import ticks
from fulfillment.domain.analytics import fulfilment, results, weekly
from fulfillment.domain.chat import posting
from fulfillment.domain.delivery import delivering, hours, notices
from fulfillment.domain.delivery.calling import QUEUE, call_workers
from fulfillment.domain.load_rehearsals import firing
from fulfillment.domain.rehearsals import running
from fulfillment.domain.war_room import minutes


@shared_task
def deliver() -> int:
    """Called every second by beat, and by whoever left something due; returns how many attempts were made.

    The message carries nothing: what is due is in the database, and its lease says whose it is.
    """
    ticks.note(QUEUE)
    return delivering.deliver_due(clock=timezone.now, call=call_workers)


@shared_task
def rehearse() -> int:
    """Called every other second by beat: go on with the rehearsals that are open; returns how many there were."""
    return running.go_on_with_all(clock=timezone.now)


@shared_task
def count_answers() -> None:
    """Count what endpoints answered in the hours that are over."""
    hours.count_hours(now=timezone.now())


@shared_task
def count_fulfilment() -> None:
    """Called every 15 seconds by beat: count how claims got to the game."""
    fulfilment.count_fulfilment(now=timezone.now())


@shared_task
def freeze_numbers() -> int:
    """Run once a minute by beat: the numbers of campaigns that have closed become final. Returns how many."""
    return results.freeze_due(now=timezone.now())


@shared_task
def note_minutes() -> int:
    """Called every 15 seconds by beat: note how live campaigns stand, once a minute; returns how many were noted."""
    return minutes.note_minutes(now=timezone.now())


@shared_task
def purge_minutes() -> int:
    """Run once a day by beat; returns how many minutes were old enough to go."""
    return minutes.purge(before=timezone.now() - timedelta(days=settings.WAR_ROOM_DAYS))


@signals.worker_shutting_down.connect
def end_deliveries(**_: object) -> None:
    """A worker that was told to stop waits for its tasks: they make no further attempt."""
    delivering.stop()
    firing.stop()


@shared_task
def fire_tests() -> bool:
    """Called every other second by beat: make the load rehearsal that waits; returns whether there was one."""
    return firing.fire_next(clock=timezone.now)


# One run at a time in a process: chats that hang must not take the threads of deliveries.
_posting = threading.Lock()


@shared_task
def post_to_chats() -> int:
    """Run every ten seconds by beat; returns how many posts arrived. Any number of workers may run it at once."""
    if not _posting.acquire(blocking=False):
        return 0
    try:
        return posting.post_due(clock=timezone.now)
    finally:
        _posting.release()


@shared_task
def tell_owners() -> None:
    """Of endpoints that fail or are held. That one works again is told by whoever finds out."""
    notices.write_notices(now=timezone.now())


@shared_task
def tell_of_the_week() -> None:
    """Run every hour: on Mondays members are told what the week brought."""
    weekly.write_weekly(now=timezone.now())
