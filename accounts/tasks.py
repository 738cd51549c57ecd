"""What accounts leaves behind is cleared away."""

from __future__ import annotations

from datetime import timedelta

from allauth.usersessions.models import UserSession
from celery import shared_task
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import Exists, OuterRef
from django.utils import timezone
from oauth2_provider.models import clear_expired

from accounts.models import IdempotentCall

IDEMPOTENCY_KEPT = timedelta(days=1)


@shared_task
def clear_tokens() -> None:
    """Delete tokens, codes and sessions that expired, and answers to idempotency keys of more than a day ago."""
    clear_expired()
    call_command("clearsessions")
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(session)).delete()
    IdempotentCall.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_KEPT).delete()
