"""The site's addresses, and one for each way to fail."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import handler400, handler500, urlpatterns as site

__all__ = ["handler400", "handler500", "urlpatterns"]


def suspicious(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("a secret that no page shows")


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("a secret that no page shows")


def broken(request: HttpRequest, key: str = "") -> HttpResponse:
    raise RuntimeError("a secret that no page shows")


def without_database(request: HttpRequest) -> HttpResponse:
    raise OperationalError("a secret that no page shows")


urlpatterns = [
    *site,
    path("fails/400/", suspicious),
    path("fails/403/", forbidden),
    path("fails/500/", broken),
    path("fails/503/", without_database),
    path("fails/500/<key>/", broken),
    path("api/v1/fails/400", suspicious),
    path("api/v1/fails/403", forbidden),
    path("api/v1/fails/500", broken),
    path("api/v1/fails/503", without_database),
]
