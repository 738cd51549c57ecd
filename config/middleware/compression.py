"""Pages are sent compressed, except where a secret stands in them.

The length of a compressed page tells whether something in the address repeats what is in the page (BREACH). Django
masks the token of each form and adds a random length, which makes that slow but not impossible. So pages that hold
secrets or other people's data next to a search are sent as they are: sign-in and second factor, settings, consent,
dashboard and admin. The APIs are as well; their answers hold tokens.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from config.middleware.private import PREFIXES


class Compression(GZipMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if not is_page or request.path.startswith(PREFIXES):
            return response
        return super().process_response(request, response)
