"""The shape of every answer of the APIs: `{"data": …, "message": "OK"}`; of errors `{"data": null, "message": "…"}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

# Where programs call: they get JSON, whatever happens.
API_PREFIXES = ("/public/", "/api/", "/platform/", "/viewer/", "/oauth/token", "/oauth/revoke")


def answer(body: Any, *, status: int = 200) -> HttpResponse:
    """JSON as it is. Times come out as RFC 3339 in UTC ("2026-11-20T12:00:00Z")."""
    return HttpResponse(
        orjson.dumps(body, option=orjson.OPT_UTC_Z), status=status, content_type="application/json"
    )


def ok(data: Any, *, message: str = "OK") -> HttpResponse:
    return answer({"data": data, "message": message})


def failure(status: int, message: str) -> HttpResponse:
    return answer({"data": None, "message": message}, status=status)


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """REST framework's hook. What it does not know becomes Django's 500, in the same shape."""
    context["request"]._request.error_code = _code_of(exception)
    match exception:
        case exceptions.APIException():
            response = failure(exception.status_code, text_of(problems_of(exception)))
            if challenge := getattr(exception, "auth_header", None):
                response.headers["WWW-Authenticate"] = challenge
            if wait := getattr(exception, "wait", None):
                response.headers["Retry-After"] = str(int(wait))
            return response
        case Http404():
            return failure(404, "Not found")
        case PermissionDenied():
            return failure(403, str(exception) or "Forbidden")
        case ValidationError():
            return failure(400, text_of(problems_of(exception)))
    return None


def _code_of(exception: Exception) -> str:
    """What the log of the API calls it, in a word."""
    match exception:
        case exceptions.APIException():
            return str(exception.default_code)
        case Http404():
            return "not_found"
        case PermissionDenied():
            return "permission_denied"
        case ValidationError():
            return "invalid"
    return "error"


Problems = dict[str, list[str]]


def problems_of(error: ValidationError | exceptions.APIException) -> Problems:
    """What was wrong, by field as sent (`rewards[0].reward_id`); "" is the whole of it."""
    if isinstance(error, exceptions.APIException):
        return _by_path(error.detail)
    if hasattr(error, "error_dict"):
        return {
            ("" if field == NON_FIELD_ERRORS else field): texts for field, texts in error.message_dict.items()
        }
    return {"": error.messages}


def _by_path(detail: Any, path: str = "") -> Problems:
    if not isinstance(detail, Mapping):
        return {path: [str(text) for text in (detail if isinstance(detail, list) else [detail])]}
    problems: Problems = {}
    for key, part in detail.items():
        dot = "." if path else ""
        problems |= _by_path(part, f"{path}[{key}]" if isinstance(key, int) else f"{path}{dot}{key}")
    return problems


def text_of(problems: Problems) -> str:
    """One line for a person: "name: is required. ends_at: …"."""
    return " ".join(
        f"{field}: {' '.join(texts)}" if field else " ".join(texts) for field, texts in problems.items()
    )


def json_errors(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, the last word: no error leaves an API as HTML, whoever made it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if (
            response.status_code >= 400
            and request.path.startswith(API_PREFIXES)
            and not response.headers.get("Content-Type", "").startswith("application/json")
        ):
            plain = failure(response.status_code, HTTPStatus(response.status_code).phrase.capitalize())
            for header in ("Allow", "Retry-After", "WWW-Authenticate"):
                if header in response.headers:
                    plain.headers[header] = response.headers[header]
            return plain
        return response

    return middleware
