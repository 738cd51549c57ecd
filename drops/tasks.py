"""What runs by the clock. Tasks only call the domain."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from drops.domain import phases


@shared_task
def note_phase_changes() -> int:
    """Run once a minute by beat; returns how many changes were noted."""
    return len(phases.note_phase_changes(now=timezone.now()))
