"""Calling the APIs as a partner's server or a viewer's player does."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client
from oauth2_provider.models import AccessToken, set_token_value

from accounts.models import OAuthApp, User, new_ulid

VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CALLBACK = "https://studio.example.com/callback"


def access_token(app: OAuthApp, *, user: User | None = None, scope: str = "") -> str:
    """A live access token, as the token endpoint would have issued it; good for an hour by the real clock."""
    raw = f"token-{new_ulid()}"
    token = AccessToken(
        application=app, user=user, scope=scope, expires=datetime.now(UTC) + timedelta(hours=1)
    )
    set_token_value(token, raw)
    token.save()
    return raw


def bearer(app: OAuthApp, *, user: User | None = None, scope: str = "") -> Client:
    """A client that sends the token of `app`: its own, or one that `user` agreed to."""
    return Client(headers={"authorization": f"Bearer {access_token(app, user=user, scope=scope)}"})


def authorize_path(app: OAuthApp, **parameters: str) -> str:
    query = {
        "client_id": app.client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "user:read",
        "state": "xyz",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | parameters
    return f"/oauth/authorize?{urlencode({key: value for key, value in query.items() if value})}"


def answer_of(location: str) -> dict[str, str]:
    """What the browser carries back to the app."""
    return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}


def allow(browser: Client, app: OAuthApp, **parameters: str) -> str:
    """Press Allow on the consent page. Returns the code."""
    response = browser.post(authorize_path(app, **parameters), {"allow": "yes"})
    assert response.status_code == 302, response.content
    return answer_of(response.headers["Location"])["code"]


def token_request(app: OAuthApp, **body: str) -> Any:
    return Client().post("/oauth/token", {"client_id": app.client_id, "client_secret": "secret"} | body)


def exchange(app: OAuthApp, code: str, **body: str) -> Any:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return token_request(app, **(fields | {"code_verifier": VERIFIER} | body))


def connect(browser: Client, app: OAuthApp, **parameters: str) -> dict[str, Any]:
    """The whole way from the consent page to the tokens."""
    response = exchange(app, allow(browser, app, **parameters))
    assert response.status_code == 200, response.content
    return dict(response.json())
