"""An address with a NUL byte is nobody's. PostgreSQL takes none in a text, so that looking it up would be a fault."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse

from config.api.envelope import API_PREFIXES


def no_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        # The APIs look at their parameters themselves, and say which one is wrong.
        if "\0" in request.path_info and not request.path_info.startswith(API_PREFIXES):
            raise Http404
        return get_response(request)

    return middleware
