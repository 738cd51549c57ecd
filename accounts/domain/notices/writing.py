"""Notices are written in the transaction of what they are about: they are there if that is, and only then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.dispatch import Signal

from accounts.domain.notices.kinds import Kind
from accounts.models import Organization, User
from accounts.models.notices import Notice

# Sent in the same transaction for a kind that may be posted to a chat: with the `kind`, its `organization`, and the
# `fields` that the message has in common with the notices.
written_for_chat = Signal()


def write(
    kind: Kind,
    *,
    about: Model,
    once: str,
    now: datetime,
    organization: Organization | None = None,
    people: Iterable[User] | None = None,
    addresses: Iterable[str] = (),
    data: Mapping[str, Any] | None = None,
) -> None:
    """Tell each recipient of `about` once: a second call with the same `once` adds nobody who was told.

    For members and operators; `viewers.tell` is for viewers.

    `people` are those whom the kind itself names, unless they are given; `addresses` are told besides, each once
    whatever its case. Both are looked at again when the mail is sent.
    """
    if organization is None and not kind.for_operators and not kind.for_viewers:
        organization = about if isinstance(about, Organization) else getattr(about, "organization", None)
    fields = {
        "organization": organization,
        "kind": kind.code,
        "about": str(about.pk),
        "once_key": f"{kind.code}:{about.pk}:{once}",
        "data": dict(data or {}),
        "created_at": now,
        "next_try_at": now,
    }
    told = list(kind.people(organization) if people is None else people)
    known = {person.email.casefold() for person in told}
    others = {address.casefold(): address for address in addresses if address}
    rows = [Notice(user=person, **fields) for person in told]
    rows += [Notice(address=address, **fields) for key, address in others.items() if key not in known]
    with transaction.atomic():
        Notice.objects.bulk_create(rows, ignore_conflicts=True)
        if kind.in_chat and organization is not None:
            written_for_chat.send(sender=Notice, kind=kind, organization=organization, fields=fields)
