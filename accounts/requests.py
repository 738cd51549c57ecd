"""What views know of who asks."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from .models import User


class PageRequest(HttpRequest):
    """A request as the middleware hands it to a page."""

    htmx: HtmxDetails


class SignedInRequest(PageRequest):
    """A request behind `login_required`."""

    user: User


def viewer_of(request: HttpRequest) -> User | None:
    """Who is signed in, None for a visitor."""
    return request.user if isinstance(request.user, User) else None
