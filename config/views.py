"""Pages of the site as a whole: the APIs' document, and the error pages that Django's own views do not cover."""

from __future__ import annotations

import sys
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.templatetags.static import static

from config.api.envelope import answer
from config.api.schema import document
from config.refusals import why_no_writes

logger = structlog.get_logger(__name__)

# Seconds until a page asks again while the database is away.
RETRY_AFTER = 2


def api_document(request: HttpRequest) -> HttpResponse:
    """The APIs in OpenAPI 3.1, as `{…}` without envelope."""
    return answer(document())


def api_page(request: HttpRequest) -> HttpResponse:
    """A page to read the document on, and to try the calls."""
    return render(request, "pages/api.html")


def guide(request: HttpRequest) -> HttpResponse:
    """From nothing to the first delivered claim, for studios. The dashboard links to its parts."""
    return render(request, "pages/guide.html")


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers and feed readers ask for it here where no page names another address."""
    return redirect(static("img/favicon.ico"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Unlike Django's own view, with the header of the person who is signed in."""
    return render(request, "400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Ask nothing of the request, the session or the database: any of them may be what broke."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError) or why_no_writes(error):
        return _database_away()
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return HttpResponse(_error_page("500.html", {"request_id": request_id}), status=500)


def _database_away() -> HttpResponse:
    """It restarts, or is too busy: "try again" is true. Whoever did not see an answer to what they sent may
    send it again: nothing is claimed twice.
    """
    pool = getattr(connection, "pool", None)
    if pool is not None:
        pool.check()  # the connections that a restart has cut are replaced now, not one by one by later requests
    response = HttpResponse(_error_page("503.html", {}), status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _error_page(template: str, context: dict[str, Any]) -> str:
    """An error in here would take the place of the one to be told of: without static files, plain words."""
    try:
        return get_template(template).render(context)
    except Exception:
        logger.exception("error_page_not_rendered", template=template)
        return (
            "Something went wrong in Drops. What you have earned and claimed is safe: try again in a minute."
        )
