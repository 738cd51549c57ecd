"""How pages write the figures of `fulfillment/domain/analytics`."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from drops.models import SMALLEST_GROUP

register = template.Library()


@register.filter
def viewers(count: int | None) -> str:
    """A count of viewers as `groups.shown` gives it."""
    return _("fewer than %(count)d") % {"count": SMALLEST_GROUP} if count is None else f"{count:,}"
