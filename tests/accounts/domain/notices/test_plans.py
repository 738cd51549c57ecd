"""What is due is found by an index among many that were sent, on PostgreSQL."""

from __future__ import annotations

import pytest
from django.db.models import QuerySet

from accounts.domain.notices import queue
from accounts.models import Notice, NoticeEnd, User
from config.rows import DELETED_AT_ONCE
from tests.factories import NOW
from tests.plans import analyze, empty, rows_read

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]
FEW, MANY = 2_000, 12_000


def write_down(person: User, numbers: range, *, sent: bool) -> None:
    ended = {"end": NoticeEnd.SENT, "ended_at": NOW} if sent else {"next_try_at": NOW}
    rows = [
        Notice(user=person, kind="invited", about="1", once_key=str(number), created_at=NOW, **ended)
        for number in numbers
    ]
    Notice.objects.bulk_create(rows, batch_size=1_000)


def read_for(rows: QuerySet[Notice]) -> float:
    sql, values = rows.query.sql_with_params()
    return rows_read(sql, values)


def test_what_is_due_and_what_is_old_costs_no_more_the_more_was_sent(stranger: User) -> None:
    empty(Notice)
    write_down(stranger, range(3), sent=False)
    found = []
    for numbers in (range(3, FEW), range(FEW, MANY)):
        write_down(stranger, numbers, sent=True)
        analyze(Notice)
        due = queue.due(Notice.objects.all(), NOW).order_by("next_try_at", "pk")[: queue.LOOKED_AT]
        old = Notice.objects.filter(ended_at__lt=NOW - queue.KEPT).exclude(end="").order_by("ended_at")
        found.append((read_for(due), read_for(old[:DELETED_AT_ONCE])))
    assert found[0] == found[1]
