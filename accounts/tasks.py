"""Notices are mailed; what accounts leaves behind is cleared away."""

from __future__ import annotations

import threading
from datetime import timedelta

from allauth.usersessions.models import UserSession
from celery import shared_task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import Exists, OuterRef
from django.utils import timezone
from oauth2_provider.models import clear_expired

from accounts.domain import (
    api_calls,
    app_removals,
    audit,
    email_changes,
    operator_views,
    review_queue,
    two_owners,
    unused_files,
)
from accounts.domain.notices import queue, sending
from accounts.models import IdempotentCall, Outgoing

IDEMPOTENCY_KEPT = timedelta(days=1)
UNUSED_FILES_KEPT = timedelta(days=1)
# Mails and caches name a picture for a while after it was replaced.
REPLACED_FILES_KEPT = timedelta(days=90)


# One run at a time in a process: a mail server that hangs must not take the worker's other threads.
_sending = threading.Lock()


@shared_task
def send_notices() -> int:
    """Run every ten seconds by beat; returns how many mails went out. Any number of workers may run it at once."""
    if not _sending.acquire(blocking=False):
        return 0
    try:
        return sending.send_due(clock=timezone.now)
    finally:
        _sending.release()


@shared_task
def note_expired_proposals() -> None:
    """Run once a minute by beat: whoever proposed something is told that nobody answered."""
    two_owners.note_expired(now=timezone.now())


@shared_task
def remind_operators() -> None:
    """Run once an hour by beat: of what has waited for them for a day."""
    review_queue.remind(now=timezone.now())


@shared_task
def purge_notices() -> int:
    """Run once a day by beat; returns how many notices, by mail or otherwise, were done with long ago."""
    now = timezone.now()
    return sum(queue.purge(model._default_manager.all(), now=now) for model in Outgoing.__subclasses__())


@shared_task
def unlink_viewers() -> int:
    """Run every ten seconds by beat: unlink the viewers of apps that were deleted. Returns how many it were.

    Any number of workers may run it at once.
    """
    return app_removals.go_on(now=timezone.now())


@shared_task
def note_ended_views() -> int:
    """Run once a minute by beat: note which operators' half hours at an organization are over."""
    return operator_views.note_ended(now=timezone.now())


@shared_task
def write_api_calls() -> int:
    """Run every few seconds by beat: write the log of the API. Returns how many lines it was."""
    return api_calls.write_waiting()


@shared_task
def purge_api_calls() -> int:
    """Run once an hour by beat; returns how many lines of the log of the API were old enough to go."""
    return api_calls.purge(now=timezone.now())


@shared_task
def clear_tokens() -> None:
    """Delete tokens, codes, links and sessions that expired, and answers to idempotency keys of over a day ago."""
    clear_expired()
    call_command("clearsessions")
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(session)).delete()
    now = timezone.now()
    IdempotentCall.objects.filter(created_at__lt=now - IDEMPOTENCY_KEPT).delete()
    email_changes.forget_old_changes(now=now)


@shared_task
def delete_unused_files() -> int:
    """Run once a day by beat; returns how many uploaded files no row named."""
    now = timezone.now()
    return unused_files.delete_unused_files(
        before=now - UNUSED_FILES_KEPT, replaced_before=now - REPLACED_FILES_KEPT
    )


@shared_task
def purge_audit_trail() -> int:
    """Run once a day by beat; returns how many events were old enough to go."""
    if not settings.AUDIT_TRAIL_DAYS:
        return 0
    return audit.purge(before=timezone.now() - timedelta(days=settings.AUDIT_TRAIL_DAYS))
