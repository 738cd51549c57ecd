"""The OAuth endpoints: consent, tokens, revocation, introspection."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import extend_schema, extend_schema_view
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.common import Request as OAuthRequest, add_params_to_uri
from rest_framework.request import Request

from accounts.api.authentication import bearer_token
from accounts.domain import links, tokens
from accounts.models import LOOPBACK_HOSTS, CallKind, OAuthApp
from accounts.oauth import limits
from accounts.oauth.refusals import redirect_with, refused
from accounts.oauth.scopes import VIEWER_SCOPES
from accounts.oauth.serializers import (
    NOTHING,
    IntrospectedSerializer,
    OAuthErrorSerializer,
    RevokeFormSerializer,
    TokenFormSerializer,
    TokensSerializer,
)
from accounts.oauth.validator import basic_credentials
from accounts.requests import SignedInRequest, logged_for
from config.api.schema import documented
from config.api.views import OPEN, ApiView
from config.middleware.csp import policy_for_a_form_that_leads_away

FORM = "application/x-www-form-urlencoded"
# RFC 6749 has the first; the second is what HTML forms and some HTTP clients send.
FORMS = (FORM, "multipart/form-data")
# Added to the page's own address while somebody signs in on the way to it. An app that adds it itself
# gets the page shown where it could have been passed over, and nothing more.
SIGNED_IN_ON_THE_WAY = "signed_in_on_the_way"


@method_decorator(never_cache, name="dispatch")
class AuthorizeView(LoginRequiredMixin, OAuthLibMixin, View):
    """The consent page. It asks once: later visits for the same scopes go straight back to the app.

    The form posts to the address it was shown at, so that what is agreed to is what was checked.
    """

    request: SignedInRequest

    def handle_no_permission(self) -> HttpResponseRedirect:
        """To the sign-in and back. Nothing is stored for somebody who is not signed in."""
        here = add_params_to_uri(self.request.get_full_path(), [(SIGNED_IN_ON_THE_WAY, "yes")])
        return redirect_to_login(here)

    def get(self, request: SignedInRequest) -> HttpResponse:
        try:
            scopes, credentials = self.validate_authorization_request(request)
        except OAuthToolkitError as error:
            return self._refusal(error)
        app = credentials["request"].client
        # A browser that comes from the sign-in form is still bound by that page's form-action policy,
        # which would stop it at the app's door: it sees the page, and who it is signed in as, instead.
        came_from_sign_in = SIGNED_IN_ON_THE_WAY in request.GET
        if links.has_consented(viewer=request.user, app=app, scopes=scopes) and not came_from_sign_in:
            return self._answer(scopes, credentials, allow=True)
        return self._consent_page(app, scopes, credentials["redirect_uri"])

    def post(self, request: SignedInRequest) -> HttpResponse:
        try:
            scopes, credentials = self.validate_authorization_request(request)
        except OAuthToolkitError as error:
            return self._refusal(error)
        return self._answer(scopes, credentials, allow=request.POST.get("allow") == "yes")

    def _consent_page(self, app: OAuthApp, scopes: list[str], redirect_uri: str) -> HttpResponse:
        links.note_consent_page(viewer=self.request.user, app=app, now=timezone.now())
        response = render(
            self.request,
            "oauth2_provider/authorize.html",
            {
                "app": app,
                "organization": app.organization,
                "picture": self.request.user.profile_picture and self.request.user.profile_picture.url,
                "permissions": [VIEWER_SCOPES[scope] for scope in scopes if scope in VIEWER_SCOPES],
                "idle_scopes": [scope for scope in scopes if scope not in VIEWER_SCOPES],
                "destination": urlsplit(redirect_uri).netloc,
            },
        )
        response.headers["Content-Security-Policy"] = _policy_that_lets_go_to(redirect_uri)
        return response

    def _answer(self, scopes: list[str], credentials: dict[str, Any], *, allow: bool) -> HttpResponse:
        """Send the browser back to the app: with a code, or with the viewer's no."""
        try:
            return self._send_back(scopes, credentials, allow=allow)
        except links.AppIsDeleted:
            return self.get(self.request)  # which says so: there is no such app any more

    @transaction.atomic
    def _send_back(self, scopes: list[str], credentials: dict[str, Any], *, allow: bool) -> HttpResponse:
        oauth_request: OAuthRequest = credentials.pop("request")
        app: OAuthApp = oauth_request.client
        try:
            uri, _, _, _ = self.create_authorization_response(
                self.request, " ".join(scopes), credentials, allow
            )
        except OAuthToolkitError as error:
            return self._refusal(error)
        links.consent(viewer=self.request.user, app=app, scopes=scopes, now=timezone.now())
        return self._send_to(uri)

    def _refusal(self, error: OAuthToolkitError) -> HttpResponse:
        """Tell the app where its address was found right, else tell the person who stands here."""
        oauth_error = error.oauthlib_error
        if isinstance(error, FatalClientError):
            return render(self.request, "oauth2_provider/refused.html", {"error": oauth_error}, status=400)
        return self._send_to(redirect_with(error, oauth_error.redirect_uri, self.request))

    def _send_to(self, uri: str) -> HttpResponse:
        response: HttpResponse = OAuth2ResponseRedirect(uri, ["https", "http"])
        return response


def _policy_that_lets_go_to(redirect_uri: str) -> str:
    """The form may lead to the app, on loopback too where the app lives there."""
    is_on_loopback = urlsplit(redirect_uri).scheme == "http"
    return policy_for_a_form_that_leads_away(
        *(f"http://{host}:*" for host in LOOPBACK_HOSTS if is_on_loopback)
    )


class TokenView(OAuthLibMixin, ApiView):
    """Codes, refresh tokens and client credentials become access tokens. Answers as RFC 6749 has them."""

    needs = OPEN

    @documented(
        "OAuth",
        "token",
        "A code, a refresh token or the client's own credentials for an access token",
        TokensSerializer,
        body=TokenFormSerializer,
        media_type=FORM,
        refusals=(400, 401, 429),
        failure=OAuthErrorSerializer,
    )
    def post(self, request: Request) -> HttpResponse:
        asked = request._request
        if "client_secret" in request.query_params or "client_id" in request.query_params:
            wrong_place = "Client credentials belong in the body or in the Authorization header."
            return refused(asked, 401, "invalid_client", wrong_place)
        if asked.content_type not in FORMS:
            return refused(asked, 400, "invalid_request", f"The Content-Type must be {FORM}.")
        try:
            client_id, _ = basic_credentials(asked.headers) or (asked.POST.get("client_id", ""), "")
        except (BadRequest, SuspiciousOperation, MultiPartParserError):
            return refused(asked, 400, "invalid_request", f"The body must be {FORM}, in UTF-8.")
        now = timezone.now()
        logged_for(asked, client_id, CallKind.TOKEN)
        caller = {"client_id": client_id, "network": limits.network_of(asked)}
        if wait := limits.seconds_to_wait(**caller, now=now):
            too_often = f"Too many calls or too many wrong secrets. Wait {wait} seconds."
            return refused(asked, 429, "temporarily_unavailable", too_often, retry_after=wait)
        # One transaction, refusals included: a replayed code or refresh token ends what came of it, and
        # an exchange that is cut short leaves the code as it was.
        with transaction.atomic():
            _, headers, body, status = self.create_token_response(asked)
        limits.count(**caller, failed=status == 401, now=now)
        if status < 400:
            return HttpResponse(body, status=status, headers=headers)
        told = json.loads(body)
        return refused(asked, status, told["error"], told.get("error_description"))


class RevokeView(ApiView):
    """RFC 7009. The token is in the form or in the query; whoever holds it may end it."""

    needs = OPEN

    @documented(
        "OAuth",
        "revoke",
        "End a token and its other half",
        NOTHING,
        body=RevokeFormSerializer,
        media_type=FORM,
        refusals=(400,),
    )
    def post(self, request: Request) -> HttpResponse:
        parameters = {**request.query_params.dict(), **request._request.POST.dict()}
        raw = parameters.get("token", "")
        client_id, _ = basic_credentials(request.headers) or (parameters.get("client_id", ""), "")
        if raw:
            links.revoke_token(raw=raw, client_id=client_id, now=timezone.now())
        return JsonResponse({})


class IntrospectView(ApiView):
    """Tell about the Bearer token that asks. The body does not matter."""

    needs = OPEN

    @documented(
        "OAuth",
        "introspect",
        "What the Bearer token stands for",
        IntrospectedSerializer(),
        refusals=(401,),
        security=[{"oauth2": []}],
    )
    def post(self, request: Request) -> HttpResponse:
        raw = bearer_token(request)
        if raw is None:
            return JsonResponse(
                {"data": None, "message": "Unauthorized"}, status=401, headers={"WWW-Authenticate": "Bearer"}
            )
        return JsonResponse({"data": tokens.introspect(raw=raw, now=timezone.now()), "message": "OK"})


@extend_schema_view(post=extend_schema(operation_id="introspect_older"))
class OlderIntrospectView(IntrospectView):
    """The same at the address that older clients call."""
