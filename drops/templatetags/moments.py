"""Moments and durations in a viewer's words. The page's `now` is the view's, so that all of them agree."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


def in_words(distance: timedelta) -> str:
    """ "3 days", "26 hours", "1 minute": whole units, and two of them before the larger unit is used."""
    for name, unit in UNITS:
        count = distance // unit
        if count >= 2 or (count == 1 and name == "minute"):
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


@register.simple_tag(takes_context=True)
def moment(context: Context, when: datetime) -> SafeString:
    """ "in 3 days" or "2 hours ago", as a <time> that says exactly when."""
    now: datetime = context["now"]
    words = f"in {in_words(when - now)}" if when > now else f"{in_words(now - when)} ago"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', when.isoformat(), f"{when:%-d %B %Y, %H:%M} UTC", words
    )


@register.simple_tag
def exactly(when: datetime) -> SafeString:
    """Date and time of day; scripts show it in the viewer's own zone."""
    return format_html(
        '<time datetime="{}" data-local>{}</time>', when.isoformat(), f"{when:%-d %b %Y, %H:%M} UTC"
    )


@register.filter
def minutes(seconds: int) -> int:
    """Whole minutes, as everywhere watch time is shown."""
    return seconds // 60
