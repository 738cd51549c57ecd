"""The audit trail: every business verb records what it did, in its own transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NamedTuple

from django.db import models

from accounts.models import OF_VIEWERS, AuditEvent, OAuthApp, Organization, User
from config.rows import delete_in_parts

# Who does something; None is the system itself.
Actor = User | OAuthApp | None


class Origin(NamedTuple):
    """Where a request came from: an IP address, None for the system's own work, and the name of the client."""

    ip: str | None = None
    user_agent: str = ""


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """What is recorded in this block came from `origin`."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


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
    `target` has none. It keeps where the request came from, but not where viewers were.
    """
    origin = NOWHERE if action in OF_VIEWERS else _origin.get()
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
        ip=origin.ip,
        user_agent=origin.user_agent,
    )


def purge(*, before: datetime) -> int:
    """Delete the events from before `before`. Returns how many there were."""
    return delete_in_parts(AuditEvent.objects.filter(at__lt=before).order_by("at"))


def forget_origins(user: User) -> None:
    """Where a person who deletes the account was, and with which browser."""
    AuditEvent.objects.filter(actor=user).update(ip=None, user_agent="")
