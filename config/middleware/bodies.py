"""How large a body may be and how long it may take, by the kind of address; and what is answered beyond that.

config/server.py keeps to the limits while it receives a body. What it refused comes here without one.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from config.api.envelope import API_PREFIXES, failure
from config.middleware.csp import POLICY
from config.server import REFUSED, Limit

logger = structlog.get_logger(__name__)

MEBIBYTE = 1024 * 1024
BEAT = Limit(16 * 1024, 10)
OAUTH = Limit(64 * 1024, 30)
# A form with the largest picture that accounts.domain.images takes, and a mebibyte of fields.
PICTURES = Limit(9 * MEBIBYTE, 120)


def limit_of(path: str, content_type: str) -> Limit:
    if path == "/viewer/v1/beat":
        return BEAT
    if path.startswith("/oauth/"):
        return OAUTH
    if content_type.lower().startswith("multipart/") and not path.startswith(API_PREFIXES):
        return PICTURES
    # JSON and plain forms: what Django itself reads of them.
    return Limit(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, 30)


def whole_bodies(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Stands before everything that reads a body, since a refused request has none to read."""

    def middleware(request: HttpRequest) -> HttpResponse:
        status = request.META.get(REFUSED)
        return get_response(request) if status is None else refusal(request, status)

    return middleware


def refusal(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    limit = limit_of(request.path, request.META.get("CONTENT_TYPE", ""))
    logger.info("body_refused", status=int(status))
    match status:
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            size = f"{limit.size // MEBIBYTE} MiB" if limit.size >= MEBIBYTE else f"{limit.size // 1024} KiB"
            text = _("The body is too large: at most %(size)s are accepted here.") % {"size": size}
        case HTTPStatus.REQUEST_TIMEOUT:
            text = _("The body took too long: it must arrive within %(seconds)d seconds.") % {
                "seconds": limit.seconds
            }
        case _:
            text = _("The body ended too soon.")
    if request.path in ("/oauth/token", "/oauth/revoke"):  # RFC 6749, section 5.2
        return JsonResponse({"error": "invalid_request", "error_description": text}, status=status)
    if request.path.startswith(API_PREFIXES):
        return failure(status, text)
    page = render_to_string("body_refused.html", {"status": int(status), "text": text})
    return HttpResponse(page, status=status, headers={"Content-Security-Policy": POLICY})
