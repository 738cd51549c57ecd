"""Refusals in OAuth's own words: RFC 6749, sections 4.1.2.1 and 5.2, and RFC 9207."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.settings import oauth2_settings
from oauthlib.common import add_params_to_uri

# oauthlib leaves these without a description. Descriptions are ASCII without quotes and backslashes.
DESCRIPTIONS = {
    "access_denied": "The viewer did not agree.",
    "invalid_grant": "code_verifier does not match the code_challenge that the code was asked for with.",
    "unsupported_grant_type": "grant_type must be authorization_code, refresh_token or client_credentials.",
    "unsupported_response_type": "response_type must be code.",
}


def refused(
    request: HttpRequest,
    status: int,
    error: str,
    description: str | None = None,
    *,
    retry_after: int | None = None,
) -> JsonResponse:
    """A refusal of the token endpoint. `retry_after`: seconds."""
    request.error_code = error  # type: ignore[attr-defined] # for the log of the API
    body = {"error": error, "error_description": description or described(error)}
    response = JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
    scheme = request.headers.get("Authorization", "").partition(" ")[0]
    if status == 401 and scheme.lower() == "basic":
        response.headers["WWW-Authenticate"] = 'Basic realm="Drops", charset="UTF-8"'
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def described(error: str) -> str:
    return DESCRIPTIONS.get(error, "The request is not as RFC 6749 has it.")


def redirect_with(error: OAuthToolkitError, uri: str, request: HttpRequest) -> str:
    """Where the browser goes, to tell the app of `error`."""
    told: Any = error.oauthlib_error
    told.description = told.description or described(told.error)
    issuer = oauth2_settings.oauth2_authorization_server_issuer(request)
    return str(add_params_to_uri(uri, [*told.twotuples, ("iss", issuer)]))
