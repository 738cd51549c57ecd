"""The parts of the schema that speak of accounts: how to authenticate, and what is answered."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.oauth.scopes import Scopes
from config.api.schema import array, enveloped, moment, number, record, text


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.BearerAuthentication"
    name = "oauth2"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        scopes = Scopes().get_all_scopes()
        return {
            "type": "oauth2",
            "flows": {
                "clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes},
                "authorizationCode": {
                    "authorizationUrl": "/oauth/authorize",
                    "tokenUrl": "/oauth/token",
                    "scopes": scopes,
                },
            },
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


USER = record(
    user_id=number(),
    name=text("viewer"),
    email=text(description="Of the token's own user, with the scope user:read; else empty."),
    profile_picture=text(),
)
USERS = enveloped(array(USER))
LINK = enveloped(
    record(
        user_id=number(),
        game_account_id=text("p-1"),
        display_name=text("Ada"),
        linked_at=moment(),
    )
)
GAME_ACCOUNT = record(
    game_account_id=text("p-1", minLength=1, maxLength=128), display_name=text("Ada", maxLength=128)
)
