"""The OAuth endpoints in the schema: REST framework does not serve them."""

from __future__ import annotations

from typing import Any

from config.schema import FAILURE, Schema, choice, enveloped, flag, number, record, text

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


def _operation(
    name: str, summary: str, answers: dict[str, Schema], *, form: Schema | None = None
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "tags": ["OAuth"],
        "summary": summary,
        "responses": {
            status: {"description": summary, "content": {"application/json": {"schema": schema}}}
            for status, schema in answers.items()
        },
    }
    if form is not None:
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": form}}}
    return {"post": operation}


def _introspection(name: str) -> dict[str, Any]:
    described = _operation(name, "What the Bearer token stands for", {"200": INTROSPECTED, "401": FAILURE})
    described["post"]["security"] = [{"oauth2": []}]
    return described


OAUTH_PATHS: dict[str, Any] = {
    "/oauth/token": _operation(
        "token",
        "A code, a refresh token or the client's own credentials for an access token",
        {"200": TOKENS, "400": {"anyOf": [OAUTH_ERROR, FAILURE]}, "401": OAUTH_ERROR},
        form=TOKEN_FORM,
    ),
    "/oauth/revoke": _operation(
        "revoke", "End a token and its other half", {"200": record(), "400": FAILURE}, form=REVOKE_FORM
    ),
    "/oauth/token/introspect": _introspection("introspect"),
    "/public/v1/token/introspect": _introspection("introspect_older"),
}
