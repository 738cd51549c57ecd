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
    """The end of a bucket of `fulfilment.py`: "500 ms", "2 h"; "-" where there was nothing."""
    if milliseconds is None:
        return "-"
    if milliseconds == LONGER:
        return _("over %(duration)s") % {"duration": duration(BUCKETS[-1])}
    return duration(milliseconds)


def duration(milliseconds: float) -> str:
    """In a unit that leaves few digits: "500 ms", "1.5 s", "90 s", "5 min", "3 d"."""
    for least, unit, words in (
        (2 * 86_400_000, 86_400_000, _("%(number)s d")),
        (2 * 3_600_000, 3_600_000, _("%(number)s h")),
        (2 * 60_000, 60_000, _("%(number)s min")),
        (1_000, 1_000, _("%(number)s s")),
    ):
        # A whole unit is said as such: "1 d", and not "24 h".
        if milliseconds >= least or milliseconds == unit:
            return words % {"number": f"{milliseconds / unit:,.1f}".removesuffix(".0")}
    return _("%(number)s ms") % {"number": f"{milliseconds:,.0f}"}
