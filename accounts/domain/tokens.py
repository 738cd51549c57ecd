"""Access and refresh tokens: how they are known, and how all of them end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from accounts.models import OAuthApp, User


def checksum(raw: str) -> str:
    """What the database knows a token or code by."""
    return hashlib.sha256(raw.encode()).hexdigest()


def is_present(user: User | None) -> bool:
    """False for somebody who deleted the account or was shut out: no token speaks for them."""
    return user is not None and user.is_active and user.deleted_at is None


def find(raw: str) -> AccessToken | RefreshToken | None:
    """The live token behind `raw`, of either kind."""
    return (
        AccessToken.objects.select_related("application", "user").filter(token_checksum=checksum(raw)).first()
        or RefreshToken.objects.select_related("application", "user")
        .filter(token_checksum=checksum(raw), revoked__isnull=True)
        .first()
    )


def has_refresh_token(*, viewer: User, app: OAuthApp) -> bool:
    """True while `app` can still get access tokens for `viewer` without asking."""
    return bool(RefreshToken.objects.filter(user=viewer, application=app, revoked__isnull=True).exists())


@transaction.atomic
def revoke_all(*, apps: Iterable[OAuthApp], now: datetime, viewer: User | None = None) -> None:
    """Revoke every token and code of `apps`: one viewer's, or (None) everybody's and the apps' own."""
    of_whom = {"application__in": list(apps)} | ({} if viewer is None else {"user": viewer})
    Grant.objects.filter(**of_whom).delete()
    RefreshToken.objects.filter(**of_whom, revoked__isnull=True).update(revoked=now, access_token=None)
    AccessToken.objects.filter(**of_whom).delete()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who an access token speaks for: an app, and a person where one agreed."""

    app_id: int
    client_id: str
    is_platform: bool
    organization_id: str | None
    user_id: int | None
    scope: str
    expires: datetime

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()


def caller(*, raw: str, now: datetime) -> Caller | None:
    """Who the access token `raw` speaks for. One query, made for every call of the API.

    None if it is unknown, expired, of a deleted app, of an organization that is not approved or is
    suspended, or of a person who is gone.
    """
    rows = (
        AccessToken.objects.filter(_APP_IS_ALIVE, _PERSON_IS_PRESENT, token_checksum=checksum(raw))
        .filter(expires__gt=now)
        .values_list(
            "application_id",
            "application__client_id",
            "application__is_platform",
            "application__organization_id",
            "user_id",
            "scope",
            "expires",
        )
    )
    return next((Caller(*row) for row in rows), None)


def introspect(*, raw: str, now: datetime) -> dict[str, Any]:
    """What the contract tells about a token: `{"active": False}` alone for one that is dead or unknown."""
    found = caller(raw=raw, now=now)
    if found is None:
        return {"active": False}
    return {
        "active": True,
        "client_id": found.client_id,
        "token_type": "app" if found.user_id is None else "user",
        "scope": found.scope,
        "exp": int(found.expires.timestamp()),
    }


# The same two questions as OAuthApp.is_alive and is_present, for the database.
_APP_IS_ALIVE = Q(application__deleted_at__isnull=True) & (
    Q(application__is_platform=True)
    | Q(
        application__organization__approved_at__isnull=False,
        application__organization__suspended_at__isnull=True,
    )
)
_PERSON_IS_PRESENT = Q(user__isnull=True) | Q(user__is_active=True, user__deleted_at__isnull=True)
