"""One line for each request, with its route: addresses may hold a key."""

from __future__ import annotations

import structlog
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

from config.logs import route_of


class RequestLog(RequestMiddleware):
    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """The person of a token, whom `config.logs.tell_of` named, is not in `request.user`."""
        known = structlog.contextvars.get_contextvars().get("user_id")
        RequestMiddleware.bind_user_id(request)
        if known is not None:
            structlog.contextvars.bind_contextvars(user_id=known)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {route_of(request)}"
