"""Pages of the site as a whole: the landing page and the error pages."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import get_template

# The evening that the landing page shows as an example, in slices of five minutes.
EVENING = ["good"] * 8 + ["wait"] * 4 + ["good"] * 6 + [""] * 3

# Where programs call: they get JSON, whatever happens.
API_PREFIXES = ("/public/", "/api/", "/platform/", "/viewer/", "/oauth/token", "/oauth/revoke")


def home(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/home.html", {"evening": EVENING})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 400, "Bad request")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403, "Forbidden")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404, "Not found")


def server_error(request: HttpRequest) -> HttpResponse:
    """Ask nothing of the request, the session or the database: any of them may be what broke."""
    if request.path.startswith(API_PREFIXES):
        return _json_error(500, "Internal server error")
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return HttpResponse(get_template("500.html").render({"request_id": request_id}), status=500)


def _error(request: HttpRequest, status: int, message: str) -> HttpResponse:
    if request.path.startswith(API_PREFIXES):
        return _json_error(status, message)
    return render(request, f"{status}.html", status=status)


def _json_error(status: int, message: str) -> HttpResponse:
    return JsonResponse({"data": None, "message": message}, status=status)
