"""The OAuth endpoints in the document: the toolkit reads what comes, and makes most of what is answered."""

from __future__ import annotations

from config.api.fields import Choice, Flag, Is, Number, Schema, Serializer, Text


class TokensSerializer(Serializer):
    optional = ("refresh_token",)

    access_token = Text()
    token_type = Is({"type": "string", "const": "Bearer"})
    expires_in = Number(example=3600, help_text="Seconds.")
    refresh_token = Text()
    scope = Text(example="user:read")


class OAuthErrorSerializer(Serializer):
    error = Text(example="invalid_grant")
    error_description = Text()


class TokenFormSerializer(Serializer):
    open_ended = True

    grant_type = Choice(("authorization_code", "refresh_token", "client_credentials"))
    client_id = Text(required=False)
    client_secret = Text(required=False)
    code = Text(required=False)
    redirect_uri = Text(required=False)
    code_verifier = Text(required=False)
    refresh_token = Text(required=False)
    scope = Text(required=False)


class RevokeFormSerializer(Serializer):
    open_ended = True

    token = Text(required=False)
    token_type_hint = Text(required=False)


NOTHING: Schema = {"type": "object", "additionalProperties": False}


class IntrospectedSerializer(Serializer):
    optional = ("client_id", "token_type", "scope", "exp")

    active = Flag(help_text="The other keys are there if it is true.")
    client_id = Text()
    token_type = Choice(("user", "app"))
    scope = Text()
    exp = Number(example=1795180800, help_text="Seconds since 1970.")
