"""The audit trail: every business verb records what it did, in its own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models

from accounts.models import AuditEvent, OAuthApp, Organization, User

# Who does something; None is the system itself.
Actor = User | OAuthApp | None


def record(
    action: str,
    target: models.Model,
    *,
    by: Actor,
    at: datetime,
    organization: Organization | None = None,
    data: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write one audit event. Never pass secrets in `data`.

    The event belongs to `organization`; without it, to the organization of `target`, or to none where
    `target` has none.
    """
    if organization is None and isinstance(target, Organization):
        organization = target
    return AuditEvent.objects.create(
        at=at,
        organization_id=organization.pk if organization else getattr(target, "organization_id", None),
        actor=by if isinstance(by, User) else None,
        actor_app=by if isinstance(by, OAuthApp) else None,
        action=action,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        data=dict(data or {}),
    )
