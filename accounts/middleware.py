"""What the audit trail and the log of the API learn of a request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from accounts.domain import api_calls, audit
from accounts.models import AuditEvent
from accounts.requests import address_of


def audit_origin(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """The audit events of a request keep where it came from."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with audit.coming_from(_origin_of(request)):
            return get_response(request)

    return middleware


def _origin_of(request: HttpRequest) -> audit.Origin:
    address = address_of(request)
    said = "".join(
        letter if letter.isprintable() else " " for letter in request.headers.get("User-Agent", "")
    )
    return audit.Origin(
        str(address) if address else None, said[: AuditEvent._meta.get_field("user_agent").max_length]
    )


# What a path or a query may show. What names a viewer, what somebody typed and what may be a secret is left out.
SHOWN = {
    "campaign_id",
    "category_id",
    "claim_id",
    "cursor",
    "delivery_id",
    "dry_run",
    "external_status",
    "limit",
    "reward_id",
    "slug",
    "state",
    "updated_since",
}
PLAIN = re.compile(r"[A-Za-z0-9_.:+-]{1,40}", re.ASCII)
NAME = re.compile(r"[a-z_]{1,24}", re.ASCII)
MOST_PARAMETERS = 8
LONGEST_QUERY = 2_000
HIDDEN = "…"


def api_log(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Logs each call of an app (`accounts.requests.logged_for`), once its answer is made."""

    def middleware(request: HttpRequest) -> HttpResponse:
        at, started = time.time(), time.perf_counter()
        response = get_response(request)
        called_by = getattr(request, "called_by", None)
        if called_by is not None:
            api_calls.note(_call(request, response, called_by, at, time.perf_counter() - started))
        return response

    return middleware


def _call(
    request: HttpRequest, response: HttpResponse, called_by: tuple[str, str], at: float, seconds: float
) -> api_calls.Call:
    status, error = response.status_code, ""
    if status >= 400:
        error = getattr(request, "error_code", "") or _word_of(status)
    match = request.resolver_match
    route, names = _route_of(match.route if match else "")
    path = route
    for name in names:
        value = str(match.kwargs.get(name, "")) if match else ""
        if name in SHOWN and PLAIN.fullmatch(value):
            path = path.replace(f"{{{name}}}", value)
    if 0 < len(request.META.get("QUERY_STRING", "")) <= LONGEST_QUERY:
        path += _query_of(request)
    return api_calls.Call(
        at,
        called_by[0][:100],
        str(called_by[1]),
        str(request.method)[:8],
        route,
        path[:200],
        status,
        round(seconds * 1000),
        request.META.get("HTTP_X_REQUEST_ID", ""),
        error[:64],
    )


@lru_cache(maxsize=256)
def _route_of(route: str) -> tuple[str, tuple[str, ...]]:
    """As the documents write it, "/public/v1/drops/links/{user_id}", with the names in it."""
    written = api_calls.route_as_documented(route)
    return written, tuple(re.findall(r"{(\w+)}", written))


def _query_of(request: HttpRequest) -> str:
    parameters = []
    for name, value in list(request.GET.items())[:MOST_PARAMETERS]:
        if NAME.fullmatch(name):
            shown = value if name in SHOWN and PLAIN.fullmatch(str(value)) else HIDDEN
            parameters.append(f"{name}={shown}")
    return f"?{'&'.join(parameters)}" if parameters else ""


@lru_cache(maxsize=64)
def _word_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.lower().replace(" ", "_")
    except ValueError:
        return str(status)
