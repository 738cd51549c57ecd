"""Who calls the API: by Bearer token, or (viewers) by the session of the site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from accounts.domain import permissions
from accounts.domain.permissions import Action
from accounts.domain.tokens import Caller, caller, of_dead_token
from accounts.models import CallKind, User
from accounts.oauth.scopes import Scopes
from accounts.requests import logged_for
from config.api.views import APP_ITSELF, WITHOUT_SCOPE, ApiView
from config.logs import tell_of

SAFE_METHODS = ("GET", "HEAD")


def bearer_token(request: HttpRequest | Request) -> str | None:
    """The token of `Authorization: Bearer …`; None where there is no such header."""
    scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
    return raw.strip() if scheme.lower() == "bearer" and raw.strip() else None


class BearerAuthentication(BaseAuthentication):
    """`request.auth` is the Caller; `request.user` the person, None for an app's own token."""

    def authenticate(self, request: Request) -> tuple[User | None, Caller] | None:
        raw = bearer_token(request)
        if raw is None:
            return None
        found = caller(raw=raw, now=timezone.now())
        if found is None:
            if (known := of_dead_token(raw)) is not None:
                logged_for(request._request, *known)
            raise AuthenticationFailed("Unauthorized: the access token is unknown or expired.")
        logged_for(
            request._request, found.client_id, CallKind.APP if found.person is None else CallKind.VIEWER
        )
        tell_of(user_id=found.user_id, organization_id=found.organization_id)
        return found.person, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
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


class SessionAuthentication(BaseAuthentication):
    """The viewer who is signed in on the site. What changes something must come from our own pages."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        user = request._request.user
        if not isinstance(user, User):
            return None
        if request.method not in SAFE_METHODS and not _is_from_this_site(request):
            raise PermissionDenied("Refused: the request comes from another site.")
        return user, None


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def _is_from_this_site(request: Request) -> bool:
    """Browsers say where a request that changes something comes from; what says nothing is no browser."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    own = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin", own) == own


def require_scope(caller: Caller, need: str | None) -> None:
    """Raise PermissionDenied if the token lacks the scope that the call needs."""
    if need is not None and need not in WITHOUT_SCOPE and need not in caller.scopes:
        raise PermissionDenied(f"This needs the scope {need}.")


class TokenView(ApiView):
    """For any live access token."""

    authentication_classes = [BearerAuthentication]
    request: Request

    @property
    def caller(self) -> Caller:
        found = self.request.auth
        if not isinstance(found, Caller):
            raise NotAuthenticated("Unauthorized")
        return found

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        self.check_caller(self.caller)
        require_scope(self.caller, self.need_of(request.method))

    def check_caller(self, caller: Caller) -> None:
        """Raise PermissionDenied if this token may not call here."""


class OrganizationView(TokenView):
    """For an app's own token, of an app that belongs to an organization: sees that one's data alone."""

    needs: str | Mapping[str, str] | None = APP_ITSELF
    organization_id: str
    action: Action

    def check_caller(self, caller: Caller) -> None:
        permissions.require_app(caller, self.action)
        self.organization_id = str(caller.organization_id)


class ViewerView(ApiView):
    """For a viewer: by session, by a token of the platform's own app, or by one of a studio's app, which needs
    the scope that the viewer agreed to, and has to do with the studio's own campaigns alone.
    """

    authentication_classes = [BearerAuthentication, SessionAuthentication]
    request: Request

    @property
    def viewer(self) -> User:
        return cast("User", self.request.user)

    @property
    def organization_id(self) -> str | None:
        """Whose campaigns this call has to do with; None: everybody's."""
        caller = self.request.auth
        return caller.organization_id if isinstance(caller, Caller) and not caller.is_platform else None

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, Caller):
            if request.auth.user_id is None:
                raise PermissionDenied("This needs a user access token (grant type authorization_code).")
            if not request.auth.is_platform:
                require_scope(request.auth, self.need_of(request.method))
        if not isinstance(request.user, User):
            raise NotAuthenticated("Unauthorized")
