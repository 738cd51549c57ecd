"""What a campaign needed to be published stays until it closes: viewers connect their game accounts to claim."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _, ngettext

from accounts.models import Organization
from drops.models import Campaign

NAMED = 3


def keep_the_connection_page(*, organization: Organization, now: datetime, **signal: object) -> None:
    """Receives `connection_page_emptied`."""
    names = _published(organization, now)
    if names:
        text = ngettext(
            "%(count)d published campaign needs the connection page until it closes: %(campaigns)s.",
            "%(count)d published campaigns need the connection page until they close: %(campaigns)s.",
            len(names),
        )
        raise ValidationError({"connect_url": text % {"count": len(names), "campaigns": _listed(names)}})


def keep_an_app(*, organization: Organization, now: datetime, **signal: object) -> None:
    """Receives `last_app_deleted`."""
    names = _published(organization, now)
    if names:
        text = ngettext(
            "%(count)d published campaign needs an OAuth app until it closes: %(campaigns)s. "
            "Create another app first, then delete this one.",
            "%(count)d published campaigns need an OAuth app until they close: %(campaigns)s. "
            "Create another app first, then delete this one.",
            len(names),
        )
        raise ValidationError(text % {"count": len(names), "campaigns": _listed(names)})


def _published(organization: Organization, now: datetime) -> list[str]:
    """The names of the campaigns that are published and have not closed, withdrawn ones among them."""
    campaigns = Campaign.objects.filter(
        organization=organization, published_at__isnull=False, closes_at__gt=now
    )
    return list(campaigns.order_by("starts_at", "pk").values_list("name", flat=True))


def _listed(names: list[str]) -> str:
    shown = [f"“{name}”" for name in names[:NAMED]]
    if len(names) > NAMED:
        shown.append(_("%(count)d more") % {"count": len(names) - NAMED})
    return ", ".join(shown)
