"""The OAuth endpoints in the schema."""

from __future__ import annotations

from config.api.schema import FAILURE, choice, enveloped, flag, number, record, text

TOKENS = record(
    optional=("refresh_token",),
    access_token=text(),
    token_type={"type": "string", "const": "Bearer"},
    expires_in=number(3600),
    refresh_token=text(),
    scope=text("user:read"),
)
OAUTH_ERROR = record(optional=("error_description",), error=text("invalid_grant"), error_description=text())
INTROSPECTED = enveloped(
    {
        "anyOf": [
            record(
                active=flag(),
                client_id=text(),
                token_type=choice("user", "app"),
                scope=text(),
                exp=number(1795180800),
            ),
            record(active={"type": "boolean", "const": False}),
        ]
    }
)
TOKEN_FORM = record(
    optional=(
        "client_id",
        "client_secret",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "scope",
    ),
    grant_type=choice("authorization_code", "refresh_token", "client_credentials"),
    client_id=text(),
    client_secret=text(),
    code=text(),
    redirect_uri=text(),
    code_verifier=text(),
    refresh_token=text(),
    scope=text(),
) | {"additionalProperties": True}
REVOKE_FORM = record(optional=("token", "token_type_hint"), token=text(), token_type_hint=text()) | {
    "additionalProperties": True
}
TOKEN_REFUSED = {"anyOf": [OAUTH_ERROR, FAILURE]}
