"""The audit trail: every business verb records what it did, in its own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models

from accounts.models import AuditEvent, OAuthApp, Organization, User


def record(
    *,
    action: str,
    target: models.Model,
    now: datetime,
    actor: User | OAuthApp | None,
    organization: Organization | None,
    data: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write one audit event. `actor` None is the system itself. Never pass secrets in `data`."""
    return AuditEvent.objects.create(
        at=now,
        organization=organization,
        actor=actor if isinstance(actor, User) else None,
        actor_app=actor if isinstance(actor, OAuthApp) else None,
        action=action,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        data=dict(data or {}),
    )
