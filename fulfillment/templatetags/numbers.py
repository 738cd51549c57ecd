"""How pages write the figures of `fulfillment/domain/analytics`."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from drops.models import SMALLEST_GROUP
from fulfillment.domain.analytics.fulfilment import BUCKETS, LONGER

register = template.Library()


@register.filter
def viewers(count: int | None) -> str:
    """A count of viewers as `groups.shown` gives it."""
    return _("fewer than %(count)d") % {"count": SMALLEST_GROUP} if count is None else f"{count:,}"


@register.filter
def within(milliseconds: float | None) -> str:
    """The end of a bucket of `fulfilment.py`: "within 500 ms", "within 2 h"; "-" where there was nothing."""
    if milliseconds is None:
        return "-"
    if milliseconds == LONGER:
        return _("longer than %(duration)s") % {"duration": duration(BUCKETS[-1])}
    return _("within %(duration)s") % {"duration": duration(milliseconds)}


@register.filter
def duration(milliseconds: float) -> str:
    """In the largest unit that is whole: "500 ms", "5 min", "3 d"."""
    if milliseconds < 1000:
        return _("%(number)s ms") % {"number": f"{milliseconds:,.0f}"}
    for unit, words in (
        (24 * 3_600_000, _("%(number)s d")),
        (3_600_000, _("%(number)s h")),
        (60_000, _("%(number)s min")),
    ):
        if milliseconds >= unit and not milliseconds % unit:
            return words % {"number": f"{milliseconds / unit:,.0f}"}
    return _("%(number)s s") % {"number": f"{milliseconds / 1000:,.1f}".removesuffix(".0")}
