"""Watch tokens: who may report watch time for one viewer, for a few minutes, checked without a query.

A token is `<viewer id>.<expiry>.<signature>`, or `<viewer id>.<organization id>.<expiry>.<signature>` where
an organization's app asked for it. It is only given to a live session or user token and lives five minutes,
so a session that is revoked stops earning within five minutes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.core.signing import BadSignature, Signer

LIFETIME = timedelta(minutes=5)
_SHAPE = re.compile(r"[0-9]{1,19}(\.[0-9A-Z]{26})?\.[0-9]{1,12}\.[A-Za-z0-9_-]{43}", re.ASCII)
_signer = Signer(sep=".", salt="drops.watch-token")


class TokenRefused(Exception):
    """`str()` is the reason, for the client's developer."""


class WatchToken(NamedTuple):
    """`organization_id`: whose app asked for the token; None: the site or the platform's own app."""

    viewer_id: int
    organization_id: str | None


def issue_watch_token(*, viewer_id: int, now: datetime, organization_id: str | None = None) -> str:
    whose = f"{viewer_id}.{organization_id}" if organization_id else f"{viewer_id}"
    return _signer.sign(f"{whose}.{int((now + LIFETIME).timestamp())}")


def read_watch_token(token: str, *, now: datetime) -> WatchToken:
    """Raises TokenRefused if the token is not ours or has expired."""
    if not _SHAPE.fullmatch(token):
        raise TokenRefused("This is not a watch token: get one at /viewer/v1/token.")
    try:
        viewer_id, *organization, expires = _signer.unsign(token).split(".")
    except BadSignature:
        raise TokenRefused("The watch token's signature is wrong: get one at /viewer/v1/token.") from None
    if int(expires) <= now.timestamp():
        raise TokenRefused("The watch token has expired: get a new one at /viewer/v1/token.")
    return WatchToken(int(viewer_id), organization[0] if organization else None)


def expiry_of(token: str) -> datetime:
    """When a token that was read expires."""
    return datetime.fromtimestamp(int(token.rsplit(".", 2)[1]), UTC)
