"""Leases on what is to be sent.

A lease is a new number of tries, and a time at which it runs out. What came of it is written down under that number
alone, so that a worker that comes back from the dead changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Q, QuerySet

from accounts.models.notices import NoticeEnd, Outgoing
from config.rows import delete_in_parts

Row = TypeVar("Row", bound=Outgoing)

# Longer than a mail server takes that answers each line just in time.
LEASE = timedelta(minutes=5)
# How long after a try that failed the next one is made. After the last there is none.
WAITS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60, 24 * 60)
)
MOST_TRIES = len(WAITS) + 1
# No lease and no wait ends later than that: a clock was ahead when it was written.
FAR = timedelta(days=2)
# Rows that are looked at together, before one of them is free.
LOOKED_AT = 20
# How long is kept what was sent, and to whom.
KEPT = timedelta(days=90)


def due(rows: QuerySet[Row], now: datetime) -> QuerySet[Row]:
    return rows.filter(Q(next_try_at__lte=now) | Q(next_try_at__gt=now + FAR), end="")


def take(rows: QuerySet[Row], *, now: datetime) -> Row | None:
    """The one that has been due longest, leased to the caller; None where nothing is due that nobody has taken."""
    while found := list(due(rows, now).order_by("next_try_at", "pk")[:LOOKED_AT]):
        for row in found:
            as_seen = due(rows.filter(pk=row.pk, tries=row.tries), now)
            if as_seen.update(tries=row.tries + 1, next_try_at=now + LEASE):
                row.tries += 1
                if row.tries <= MOST_TRIES:
                    return row
                end(row, NoticeEnd.FAILED, now=now)  # the last try crashed
    return None


def end(row: Outgoing, how: NoticeEnd, *, now: datetime) -> bool:
    """Write down that it is done with. False if the lease ran out, and somebody else has the row."""
    return _write(row, end=how, ended_at=now, next_try_at=None)


def put_off(row: Outgoing, *, now: datetime) -> bool:
    """It could not be sent: later, or after the last try not at all."""
    if row.tries >= MOST_TRIES:
        return end(row, NoticeEnd.FAILED, now=now)
    return _write(row, next_try_at=now + WAITS[row.tries - 1])


def wait(row: Outgoing, *, until: datetime) -> bool:
    """It is not to be sent before `until`, which is less than FAR away."""
    return _write(row, next_try_at=until)


def purge(rows: QuerySet[Row], *, now: datetime) -> int:
    """Delete what was done with long ago. Returns how many rows."""
    return delete_in_parts(rows.filter(ended_at__lt=now - KEPT).exclude(end="").order_by("ended_at"))


def _write(row: Outgoing, **values: object) -> bool:
    leased = type(row)._default_manager.filter(pk=row.pk, tries=row.tries, end="")
    return bool(leased.update(**values))
