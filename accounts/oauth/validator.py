"""The toolkit's validator, where the contract asks for more than it does."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from django.contrib.auth.hashers import check_password
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors

from accounts.domain.tokens import checksum, is_present
from accounts.models import OAuthApp, OrganizationState
from accounts.oauth.scopes import Scopes

# RFC 7636: the base64url of a SHA-256.
S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class Validator(OAuth2Validator):
    """Must run inside a transaction (the views see to it): what it locks, it locks until the answer."""

    # Clients

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """By HTTP Basic, else by the body. Any other Authorization header counts for nothing.

        The holder of the right secret hears why an app is not served; everybody else hears one and the same.
        """
        client_id, secret = basic_credentials(request.headers) or (request.client_id, request.client_secret)
        if not client_id or not secret:
            raise errors.InvalidClientError(
                "client_id and client_secret are needed, in the body or by HTTP Basic.", request=request
            )
        if request.client_id not in (None, client_id):
            raise errors.InvalidClientError(
                "The client_id in the body is not that of the Authorization header.", request=request
            )
        app = _find(client_id)
        if app is None or not _secret_matches(app, secret):
            raise errors.InvalidClientError("The client is unknown, or its secret is wrong.", request=request)
        if not app.is_alive:
            raise errors.InvalidClientError(_why_not_served(app), request=request)
        request.client = app
        return True

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Always: every app has a secret."""
        return True

    def _load_application(self, client_id: str | None, request: Request) -> OAuthApp | None:
        app = _find(client_id)
        if app is not None and not app.is_alive:
            app = None
        request.client = app
        return app

    # Scopes: what an app may not have is left out, and the answer says what it got. Where nothing that was
    # asked for is left, that is nothing: the default is for those who ask for none.

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: OAuthApp, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        available = Scopes().get_available_scopes(client, request)
        request.scopes = [scope for scope in dict.fromkeys(scopes) if scope in available]
        return True

    def is_within_original_scope(
        self, request_scopes: list[str], refresh_token: str, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """A refresh never ends in invalid_scope, and never gets more than was agreed to."""
        original = self.get_original_scopes(refresh_token, request).split()
        request.scopes = [scope for scope in request_scopes if scope in original]
        return True

    # Codes: stored as checksums, used once, and what came of one dies with its second use.

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """Always, and the challenge's shape is checked here: before the viewer is asked anything."""
        if request.code_challenge is not None:
            if request.code_challenge_method != "S256":
                raise errors.InvalidRequestError(
                    description="code_challenge_method must be S256.", request=request
                )
            if not S256_CHALLENGE.fullmatch(request.code_challenge):
                raise errors.InvalidRequestError(
                    description="code_challenge must be the base64url of a SHA-256: 43 characters.",
                    request=request,
                )
        return True

    def save_authorization_code(
        self, client_id: str, code: dict[str, str], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        request.nonce, request.claims, request.resource = "", {}, []
        self._create_authorization_code(request, code | {"code": checksum(code["code"])})

    def validate_code(
        self, client_id: str, code: str, client: OAuthApp, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        # Two exchanges of one code at once: the lock makes the second wait and find the code spent.
        grant = (
            Grant.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(code=checksum(code), application=client)
            .first()
        )
        if grant is None:
            _revoke_family_of(code, client)
        if grant is None or grant.is_expired() or not is_present(grant.user):
            raise errors.InvalidGrantError(
                "The code is not known for this app, was used before, or is older than a minute.",
                request=request,
            )
        request.user = grant.user
        request.scopes = grant.scope.split()
        request.grant = grant
        return True

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge_method or None

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: OAuthApp, request: Request, **kwargs: Any
    ) -> bool:
        if not request.grant.redirect_uri_allowed(redirect_uri):
            raise errors.InvalidGrantError(
                "redirect_uri is not the one that the code was sent to.", request=request
            )
        return True

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        request.grant.delete()

    # Tokens

    def validate_refresh_token(
        self, refresh_token: str, client: OAuthApp, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        # Two uses at once: the second waits here, finds the token used and ends the family, as it
        # would have a second later.
        list(RefreshToken.objects.select_for_update().filter(token_checksum=checksum(refresh_token)))
        known = super().validate_refresh_token(refresh_token, client, request)
        if not known or not is_present(request.user):
            raise errors.InvalidGrantError(
                "The refresh token is not known for this app, was used before, was revoked, or has expired.",
                request=request,
            )
        return True

    def _create_refresh_token(
        self,
        request: Request,
        refresh_token_code: str,
        access_token: AccessToken,
        previous_refresh_token: RefreshToken | None,
    ) -> RefreshToken:
        token = super()._create_refresh_token(
            request, refresh_token_code, access_token, previous_refresh_token
        )
        if previous_refresh_token is None:
            token.token_family = _family_of(request.code)
            token.save(update_fields=["token_family"])
        return token

    def _check_and_set_request_resource(self, request: Request) -> None:
        """Resource indicators (RFC 8707) are ignored, as every parameter the contract does not name."""
        request.resource = []


def _find(client_id: str | None) -> OAuthApp | None:
    """The app, dead ones included."""
    if not client_id or "\x00" in client_id:
        return None
    return OAuthApp.objects.select_related("organization").filter(client_id=client_id).first()


def _why_not_served(app: OAuthApp) -> str:
    if app.deleted_at is not None or app.organization is None:
        return "The secret is right, but the app was deleted."
    if app.organization.state is OrganizationState.SUSPENDED:
        return "The secret is right, but the organization is suspended."
    return "The secret is right, but the organization waits for approval by an operator."


def _family_of(code: str) -> uuid.UUID:
    """The family of the tokens that `code` was exchanged for: so a replayed code finds them again."""
    return uuid.UUID(bytes=hashlib.sha256(b"family of " + code.encode()).digest()[:16])


def _revoke_family_of(code: str, client: OAuthApp) -> None:
    family = _family_of(code)
    if RefreshToken.objects.filter(token_family=family, application=client).exists():
        RefreshToken.revoke_family(family)


def basic_credentials(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Client id and secret of an `Authorization: Basic` header; None where there is none."""
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
    return unquote_plus(client_id), unquote_plus(secret)


def _secret_matches(app: OAuthApp, secret: str) -> bool:
    if check_password(secret, app.client_secret):
        return True
    overlap_ends = app.previous_secret_expires_at
    return (
        overlap_ends is not None
        and overlap_ends > timezone.now()
        and check_password(secret, app.previous_client_secret)
    )
