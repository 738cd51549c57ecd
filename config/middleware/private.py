"""What was made for one person or one token is kept by no cache, and by no browser after the sign-out."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# Whoever asks there gets what is theirs alone: keys in the address, forms with secrets, tokens.
PREFIXES = ("/accounts/", "/admin/", "/dashboard/", "/oauth/", "/settings/")


def private(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if is_private(request, response):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def is_private(request: HttpRequest, response: HttpResponse) -> bool:
    session = settings.SESSION_COOKIE_NAME
    return (
        session in request.COOKIES
        or session in response.cookies
        or "Authorization" in request.headers
        or request.path.startswith(PREFIXES)
    )
