"""What views know of who asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from ipaddress import IPv4Address, IPv6Address
from typing import cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.domain.consequences import Consequence
from accounts.models import CallKind, Membership, OperatorView, User
from config import addresses, zones

# In a session: what opens the invitation whose link this browser came by.
INVITATION_KEY = "invitation"

# In an operator's session: the id of what is looked at as a member (OperatorView).
VIEW_KEY = "viewing_as"


class PageRequest(HttpRequest):
    """A request as the middleware hands it to a page."""

    htmx: HtmxDetails


class SignedInRequest(PageRequest):
    """A request behind `login_required`."""

    user: User


class DashboardRequest(SignedInRequest):
    """A request behind the gate of the owners' dashboard."""

    memberships: list[Membership]
    viewing: OperatorView | None


class WriteRequest(SignedInRequest):
    """A request that writes in one of the two admins: what one step leaves for the page that follows."""

    refusal: ValidationError
    consequences: Sequence[Consequence]
    consequences_digest: str
    new_secret: str


class ApiRequest(HttpRequest):
    """A request of an app, for the log of the API. `error_code`: what the answer refused it with, in a word."""

    called_by: tuple[str, CallKind]
    error_code: str


def logged_for(request: HttpRequest, client_id: str, kind: CallKind) -> None:
    """The log of the API tells the app of that client ID of this request. What can be none (RFC 6749) is no app's."""
    if client_id.isascii() and client_id.isprintable():
        cast("ApiRequest", request).called_by = client_id, kind


def viewer_of(request: HttpRequest) -> User | None:
    """Who is signed in, None for a visitor."""
    return request.user if isinstance(request.user, User) else None


def zone_of(request: HttpRequest) -> tzinfo:
    """The time zone that the person chose, else the one that the browser told site.js, else UTC."""
    person = viewer_of(request)
    chosen = zones.zone_named(person.time_zone) if person else None
    return chosen or browser_zone(request) or UTC


def browser_zone(request: HttpRequest) -> tzinfo | None:
    """The time zone that the browser told site.js, None where it has not."""
    return zones.zone_named(request.COOKIES.get("timezone", ""))


def address_of(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """The address of `sender`; None if that is none."""
    return addresses.parse(sender(request))


def sender(request: HttpRequest) -> str:
    """Who connected or, behind proxies of ours, from whom they say the request came: an address, as they write it.

    Where a request did not come by all our proxies: who connected.
    """
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    passed = _passed(request) if proxies else ()
    if passed and len(passed) >= proxies:
        return passed[-proxies].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def passed_fewer_proxies(request: HttpRequest) -> bool:
    """Whether a request came by a proxy, but not by as many as we have."""
    return 0 < len(_passed(request)) < settings.ALLAUTH_TRUSTED_PROXY_COUNT


def _passed(request: HttpRequest) -> list[str]:
    """The addresses that proxies added."""
    added: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return added.split(",") if added else []
