"""What accounts leaves behind is cleared away."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone
from oauth2_provider.models import clear_expired

from accounts.models import IdempotentCall

IDEMPOTENCY_KEPT = timedelta(days=1)


@shared_task
def clear_tokens() -> None:
    """Delete tokens and codes that expired, and answers to idempotency keys of more than a day ago."""
    clear_expired()
    IdempotentCall.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_KEPT).delete()
