"""The same change is undone once, however often and however much at once somebody presses the button."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from allauth.account.models import EmailAddress
from django.db import connection

from accounts.domain import email_changes
from accounts.models import AuditEvent, EmailChange, User


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_undo_it_once(viewer: User, now: datetime) -> None:
    EmailAddress.objects.create(user=viewer, email="new@example.com", verified=True, primary=True)
    email_changes.note_change(user=viewer, old="old@example.com", new="new@example.com", now=now)
    change = EmailChange.objects.select_related("user").get()
    start = Barrier(4)

    def press() -> bool:
        start.wait()
        try:
            email_changes.undo(change=change, now=now)
        except EmailChange.DoesNotExist:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as threads:
        done = [each.result() for each in [threads.submit(press) for _ in range(4)]]
    assert sorted(done) == [False, False, False, True]
    assert AuditEvent.objects.filter(action="user.email_restored").count() == 1
    assert EmailAddress.objects.get().email == "old@example.com"
