"""The schema of the APIs as a document, and a page to read and try it on."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

from config.envelope import answer
from config.oauth_schema import OAUTH_PATHS
from drops.api.watch_schema import WATCH_PATHS, WATCH_TOKEN


@cache
def schema() -> dict[str, Any]:
    """OpenAPI 3.1. The same for everybody, made once in a process."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["paths"] |= OAUTH_PATHS | WATCH_PATHS
    made["components"]["securitySchemes"]["watch"] = WATCH_TOKEN
    return made


def document(request: HttpRequest) -> HttpResponse:
    return answer(schema())


def page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/api.html")
