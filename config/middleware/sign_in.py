"""HTMX requests of somebody whose session has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails


def whole_page_to_sign_in(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: where an HTMX request is redirected to the sign-in, the whole page goes there.

    A browser would follow the redirect by itself, and HTMX would put the sign-in page into a row of the
    page. After the sign-in the person is back on that page.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        htmx = cast("HtmxDetails", getattr(request, "htmx", None))
        sign_in = resolve_url(settings.LOGIN_URL)
        if not htmx or response.status_code != 302 or urlsplit(response.headers["Location"]).path != sign_in:
            return response
        query = urlencode({REDIRECT_FIELD_NAME: htmx.current_url_abs_path or "/"})
        return HttpResponseClientRedirect(f"{sign_in}?{query}")

    return middleware
