"""Who wants which kind of mail, by organization, and the link in each mail that ends its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts.domain import permissions
from accounts.domain.notices.kinds import KINDS, Kind
from accounts.models import MemberRole, Membership, Organization, User
from accounts.models.notices import NoticeSwitch

Recipient = User | str

_signer = signing.Signer(salt="accounts.notices")


class Wish(NamedTuple):
    """What the link in a mail is about."""

    kind: Kind
    recipient: Recipient
    organization: Organization | None
    is_on: bool


def kinds_of(membership: Membership) -> list[Kind]:
    """Those that the member's role may get; what is always on comes last."""
    rights = permissions.ROLES[MemberRole(membership.role)]
    return sorted(
        (kind for kind in KINDS.values() if kind.action in rights), key=lambda kind: bool(kind.always)
    )


def is_on(kind: Kind, recipient: Recipient, organization: Organization | None) -> bool:
    return bool(kind.always) or _wishes(recipient, organization).get(kind.code, kind.on_at_first)


def choices(membership: Membership) -> Mapping[Kind, bool]:
    """Whether the member gets each of `kinds_of`. One query."""
    wishes = _wishes(membership.user, membership.organization)
    return {
        kind: bool(kind.always) or wishes.get(kind.code, kind.on_at_first) for kind in kinds_of(membership)
    }


@transaction.atomic
def choose(*, membership: Membership, wanted: Iterable[Kind], now: datetime) -> None:
    """The member gets mails of the `wanted` kinds, of those of the role, and no others."""
    wanted = set(wanted)
    for kind, before in choices(membership).items():
        if (kind in wanted) != before:
            switch(
                kind=kind,
                recipient=membership.user,
                organization=membership.organization,
                on=kind in wanted,
                now=now,
            )


@transaction.atomic
def switch(
    *, kind: Kind, recipient: Recipient, organization: Organization | None, on: bool, now: datetime
) -> None:
    """Nothing changes for a kind that is always on."""
    if not kind.always:
        NoticeSwitch.objects.update_or_create(
            **_of(recipient),
            organization=organization,
            kind=kind.code,
            defaults={"is_on": on, "changed_at": now},
        )


def link(kind: Kind, recipient: Recipient, organization: Organization | None) -> str:
    """The address that ends the mails of `kind` to `recipient` without a sign-in. It is good for ever."""
    who = recipient.pk if isinstance(recipient, User) else ""
    where = organization.pk if organization else ""
    said = [kind.code, who, recipient if isinstance(recipient, str) else "", where]
    return f"{settings.SITE_URL}{reverse('accounts:notices_off', args=[_signer.sign_object(said)])}"


def opened_by(key: str) -> Wish | None:
    """What `link` was made for; None where it is none of ours, or the kind or the account is gone."""
    try:
        code, who, address, where = _signer.unsign_object(key)
    except (signing.BadSignature, ValueError):
        return None
    kind = KINDS.get(code)
    recipient = User.objects.filter(pk=who, is_active=True).first() if who else address
    organization = Organization.objects.filter(pk=where).first() if where else None
    if kind is None or not recipient or kind.always or bool(where) != (organization is not None):
        return None
    return Wish(kind, recipient, organization, is_on(kind, recipient, organization))


def _wishes(recipient: Recipient, organization: Organization | None) -> dict[str, bool]:
    rows = NoticeSwitch.objects.filter(**_of(recipient), organization=organization)
    return dict(rows.values_list("kind", "is_on"))


def _of(recipient: Recipient) -> dict[str, Any]:
    if isinstance(recipient, User):
        return {"user": recipient}
    return {"user": None, "address": recipient.casefold()}
