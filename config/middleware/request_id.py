"""One name for a request, in its answer and in every line logged for it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
# What a proxy or a partner may choose. Anything else would only make log lines hard to read.
ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def request_id(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The outermost middleware. Takes the caller's `X-Request-ID` where it is a sound one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        # Not request.headers, which would remember what came and is where django-structlog looks.
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        name = given if ACCEPTED.fullmatch(given) else str(uuid.uuid4())
        request.META["HTTP_X_REQUEST_ID"] = name
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=name)
        response = get_response(request)
        # The middleware inside cleared it, and Django logs refusals only after all middleware.
        structlog.contextvars.bind_contextvars(request_id=name)
        response.headers[HEADER] = name
        return response

    return middleware
