"""Moments and durations in a viewer's words. The page's `now` is the view's, so that all of them agree."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.template.context import Context
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _, ngettext

register = template.Library()


def in_words(distance: timedelta) -> str:
    """ "3 days", "26 hours", "1 minute": whole units, and two of them before the larger unit is used."""
    minutes = distance // timedelta(minutes=1)
    if (days := minutes // 1440) >= 2:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if (hours := minutes // 60) >= 2:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    if minutes:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return _("less than a minute")


def _attribute(when: datetime) -> str:
    """The value of a `datetime` attribute. HTML allows no microseconds in it."""
    return when.isoformat(timespec="seconds")


@register.simple_tag(takes_context=True)
def moment(context: Context, when: datetime) -> SafeString:
    """ "in 3 days" or "2 hours ago", as a <time> that says exactly when; scripts count down what is to come."""
    now: datetime = context["now"]
    if when > now:
        words = _("in %(duration)s") % {"duration": in_words(when - now)}
    else:
        words = _("%(duration)s ago") % {"duration": in_words(now - when)}
    title = f"{dateformat.format(when, 'j F Y, H:i')} UTC"
    ahead = " data-countdown" if when > now else ""
    return format_html('<time datetime="{}" title="{}"{}>{}</time>', _attribute(when), title, ahead, words)


@register.simple_tag
def exactly(when: datetime) -> SafeString:
    """Date and time of day; scripts show it in the viewer's own zone."""
    text = f"{dateformat.format(when, 'j M Y, H:i')} UTC"
    return format_html('<time datetime="{}" data-local>{}</time>', _attribute(when), text)


@register.simple_tag
def time_of(when: datetime, since: datetime | None = None) -> SafeString:
    """The time of day in the active time zone, where the page names the day; with a day if `since` is on another."""
    local = timezone.localtime(when)
    other_day = since is not None and timezone.localtime(since).date() != local.date()
    text = dateformat.format(local, "j M, H:i" if other_day else "H:i")
    return format_html('<time datetime="{}">{}</time>', _attribute(when), text)


@register.filter
def hours(minutes: int) -> str:
    """ "3 h 10 min" """
    hours, minutes = divmod(minutes, 60)
    if hours and minutes:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(hours)d h") % {"hours": hours} if hours else _("%(minutes)d min") % {"minutes": minutes}


@register.filter
def time_left(left: timedelta) -> str:
    """ "13 days" or, from two days down, "5 h 10 min": never more than there is."""
    return in_words(left) if left >= timedelta(days=2) else hours(left // timedelta(minutes=1))


@register.filter
def minutes(seconds: int) -> int:
    """Whole minutes, as everywhere watch time is shown."""
    return seconds // 60
