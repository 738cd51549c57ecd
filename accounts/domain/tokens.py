"""Access and refresh tokens: how they are known, and how all of them end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from accounts.models import ORGANIZATION_IS_ACTIVE, CallKind, OAuthApp, User
from config import sql


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
    """Who an access token speaks for: an app, and a person where one agreed.

    Of `person` only id, username, email and profile_picture are read; each other field is a query of its own.
    """

    app_id: int
    client_id: str
    is_platform: bool
    organization_id: str | None
    person: User | None
    scope: str

    @property
    def user_id(self) -> int | None:
        return self.person.pk if self.person else None

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()


# Written out: it is asked for every call of the API, and the ORM takes longer to write it than
# PostgreSQL to answer. The conditions are OAuthApp.is_alive and `is_present`.
_CALLER = f"""
    SELECT token.application_id, app.client_id, app.is_platform, app.organization_id, token.scope, token.user_id,
        person.username, person.email, person.profile_picture
    FROM oauth2_provider_accesstoken token
    JOIN accounts_oauthapp app ON app.id = token.application_id
    LEFT JOIN accounts_organization organization ON organization.id = app.organization_id
    LEFT JOIN accounts_user person ON person.id = token.user_id AND person.is_active AND person.deleted_at IS NULL
    WHERE token.token_checksum = %s AND token.expires > %s AND app.deleted_at IS NULL
        AND (app.is_platform OR {ORGANIZATION_IS_ACTIVE})
"""  # noqa: S608 - put together from our own constants


def caller(*, raw: str, now: datetime) -> Caller | None:
    """Who the access token `raw` speaks for: one query. Of a person, it reads what partners may see.

    None if it is unknown, expired, of a deleted app, of an organization that is not approved or is
    suspended, or of a person who is gone.
    """
    rows = sql.fetch(_CALLER, [checksum(raw), sql.moment(now)])
    if not rows:
        return None
    app_id, client_id, is_platform, organization_id, scope, user_id, username, email, picture = rows[0]
    if organization_id is not None:
        organization_id = sql.to_ulid(organization_id)
    person = None
    if user_id is not None:
        if username is None:
            return None
        person = User.from_db(
            connection.alias,
            ["id", "username", "email", "profile_picture"],
            [user_id, username, email, picture],
        )
    return Caller(app_id, client_id, bool(is_platform), organization_id, person, scope)


def of_dead_token(raw: str) -> tuple[str, CallKind] | None:
    """The client ID that a token with which nobody may call was given to, and of which kind it is; None: unknown."""
    rows = AccessToken.objects.filter(token_checksum=checksum(raw))
    found = rows.values_list("application__client_id", "user").first()
    return None if found is None else (found[0], CallKind.APP if found[1] is None else CallKind.VIEWER)


def introspect(*, raw: str, now: datetime) -> dict[str, Any]:
    """What the contract tells about a token: `{"active": False}` alone for one that is dead or unknown."""
    found = caller(raw=raw, now=now)
    expires = (
        AccessToken.objects.filter(token_checksum=checksum(raw)).values_list("expires", flat=True).first()
    )
    if found is None or expires is None:
        return {"active": False}
    return {
        "active": True,
        "client_id": found.client_id,
        "token_type": "app" if found.user_id is None else "user",
        "scope": found.scope,
        "exp": int(expires.timestamp()),
    }
