"""What views know of who asks."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.request import split_domain_port
from django_htmx.middleware import HtmxDetails

from accounts.domain.consequences import Consequence
from accounts.models import Membership, User

logger = structlog.get_logger(__name__)

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


def address_of(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """Who connected or, behind proxies of ours, from whom they say the request came; None if that is no address.

    Where a request did not come by all our proxies: who connected.
    """
    text: str = request.META.get("REMOTE_ADDR", "")
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    forwarded_for = request.META.get("HTTP_X_FORWARDED_FOR") if proxies else None
    if forwarded_for:
        passed = forwarded_for.split(",")
        if len(passed) < proxies:
            logger.warning("fewer_proxies_than_trusted", forwarded_for=forwarded_for)
        else:
            text = passed[-proxies].strip()
    return _address(text)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        try:  # with a port, as some proxies write it
            found = ip_address(split_domain_port(text)[0].strip("[]"))
        except ValueError:
            return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
