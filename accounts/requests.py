"""What views know of who asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.domain.consequences import Consequence
from accounts.models import Membership, User

# In a session: what opens the invitation whose link this browser came by.
INVITATION_KEY = "invitation"


class PageRequest(HttpRequest):
    """A request as the middleware hands it to a page."""

    htmx: HtmxDetails


class SignedInRequest(PageRequest):
    """A request behind `login_required`."""

    user: User


class DashboardRequest(SignedInRequest):
    """A request behind the gate of the owners' dashboard."""

    memberships: list[Membership]


class WriteRequest(SignedInRequest):
    """A request that writes in one of the two admins: what one step leaves for the page that follows."""

    refusal: ValidationError
    consequences: Sequence[Consequence]
    consequences_digest: str
    new_secret: str


def viewer_of(request: HttpRequest) -> User | None:
    """Who is signed in, None for a visitor."""
    return request.user if isinstance(request.user, User) else None


def zone_of(request: HttpRequest) -> tzinfo:
    """The time zone that the person's browser told site.js; UTC where it has not."""
    name = request.COOKIES.get("timezone", "")
    return ZoneInfo(name) if name in _zones() else UTC


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
