"""What every page knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Membership, Notice, User
from accounts.requests import viewer_of


def site(request: HttpRequest) -> dict[str, Any]:
    """The site's address, and what the header offers this person.

    `navigation` has `channel_slug` (None without a channel), `is_member` (of any organization) and
    `has_news` (notices that were not seen): one query, made only when a signed-in person's page draws the header.
    """
    return {
        "site_url": settings.SITE_URL,
        "navigation": SimpleLazyObject(lambda: _navigation(viewer_of(request))),
    }


def _navigation(viewer: User | None) -> Mapping[str, object]:
    if viewer is None:
        return {}
    memberships = Membership.objects.filter(user=OuterRef("pk"))
    news = Notice.objects.filter(user=OuterRef("pk"), in_bell=True, read_at=None)
    return User.objects.values(
        channel_slug=F("channel__slug"), is_member=Exists(memberships), has_news=Exists(news)
    ).get(pk=viewer.pk)
