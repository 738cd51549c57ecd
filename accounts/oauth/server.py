"""The grants that Drops offers, and no others: codes, refresh tokens, client credentials."""

from __future__ import annotations

from typing import Any

from oauthlib.oauth2.rfc6749.endpoints import AuthorizationEndpoint, TokenEndpoint
from oauthlib.oauth2.rfc6749.grant_types import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    RefreshTokenGrant,
)
from oauthlib.oauth2.rfc6749.request_validator import RequestValidator
from oauthlib.oauth2.rfc6749.tokens import BearerToken


class Server(AuthorizationEndpoint, TokenEndpoint):
    def __init__(self, validator: RequestValidator, token_expires_in: int, **kwargs: Any) -> None:
        """Further settings are of grants that are not offered."""
        code = AuthorizationCodeGrant(validator)
        bearer = BearerToken(validator, expires_in=token_expires_in)
        AuthorizationEndpoint.__init__(
            self, default_response_type="code", response_types={"code": code}, default_token_type=bearer
        )
        TokenEndpoint.__init__(
            self,
            default_grant_type="authorization_code",
            grant_types={
                "authorization_code": code,
                "client_credentials": ClientCredentialsGrant(validator),
                "refresh_token": RefreshTokenGrant(validator),
            },
            default_token_type=bearer,
        )
