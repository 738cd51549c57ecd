"""Absolute addresses come from SITE_URL alone, whatever host and port the visitor's browser named."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import urljoin

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def site_address(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """A link in a mail, the redirect address of a sign-in elsewhere: all are made by `build_absolute_uri`.

    ALLOWED_HOSTS lets every port through, so a mail that somebody else had sent could lead to another server.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        request.build_absolute_uri = partial(absolute, request)  # type: ignore[method-assign]
        return get_response(request)

    return middleware


def absolute(request: HttpRequest, location: str | None = None) -> str:
    """`location` as an absolute address; without one, this request's own."""
    base = f"{settings.SITE_URL}{request.get_full_path()}"
    return base if location is None else urljoin(base, str(location))
