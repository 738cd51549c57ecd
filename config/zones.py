"""Time zones: in which one a person reads, and what its clocks show when they are put forward and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.utils import dateformat
from django.utils.translation import gettext_lazy as _

MOST_LETTERS = 64
AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)

_shown: ContextVar[tzinfo] = ContextVar("zone in which times are shown", default=UTC)


@cache
def names() -> frozenset[str]:
    """Every name that the IANA database has, old ones among them: browsers still say "Asia/Calcutta"."""
    return frozenset(available_timezones())


def zone_named(name: str) -> tzinfo | None:
    """None where there is no such zone."""
    if name == "UTC":
        return UTC
    return ZoneInfo(name) if name in names() else None


def name_of(zone: tzinfo) -> str:
    return str(zone)


def check_zone(name: str) -> None:
    """ValidationError where `name` is no time zone."""
    if zone_named(name) is None:
        raise ValidationError(_("There is no such time zone."), code="zone")


def choices(*further: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """For a select: the zones by area, UTC first; `further` ones are offered too."""
    groups: dict[str, list[tuple[str, str]]] = {"UTC": [("UTC", "UTC")]}
    for name in sorted({*_offered(), *further} - {"UTC"}):
        area, _slash, place = name.partition("/")
        groups.setdefault(area, []).append((name, (place or name).replace("_", " ")))
    return list(groups.items())


@cache
def _offered() -> frozenset[str]:
    return frozenset(name for name in names() if name.partition("/")[0] in AREAS)


@contextmanager
def shown_in(zone: tzinfo) -> Iterator[None]:
    """Within, `words` tells times in `zone`.

    Django's own current time zone stays UTC: queries that cut hours into days go by it, and so do the figures.
    """
    token = _shown.set(zone)
    try:
        yield
    finally:
        _shown.reset(token)


def current() -> tzinfo:
    """The zone in which whoever reads the page reads times; UTC outside of `shown_in`."""
    return _shown.get()


def words(when: datetime, form: str = "j M Y, H:i", zone: tzinfo | None = None) -> str:
    """ "1 Dec 2026, 19:00 CET": in `zone`, or in the reader's."""
    local = when.astimezone(zone or current())
    return f"{dateformat.format(local, form)} {abbreviation(local)}"


def abbreviation(local: datetime) -> str:
    """ "CET"; where clocks have no letters, as in Kathmandu, "UTC+05:45"."""
    name = local.tzname() or ""
    if numbers := re.fullmatch(r"([+-]\d\d)(\d\d)?", name):
        hours, minutes = numbers.groups()
        return f"UTC{hours}:{minutes or '00'}"
    return name


def moments_of(local: datetime, zone: tzinfo) -> list[datetime]:
    """The moments, in UTC, at which clocks in `zone` show `local`, which has no zone of its own.

    One; none where clocks are put forward over it; two, the earlier first, where they are put back over it.
    OverflowError before the year 1 and after the year 9999.
    """
    found: list[datetime] = []
    for fold in (0, 1):
        moment = _moment(local, zone, fold)
        if moment.astimezone(zone).replace(tzinfo=None) == local and moment not in found:
            found.append(moment)
    return found


def around(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Of a time that clocks in `zone` skip: what they show as long before, and as long after it, as they skip."""
    before, after = sorted(_moment(local, zone, fold).astimezone(zone) for fold in (0, 1))
    return before, after


def _moment(local: datetime, zone: tzinfo, fold: int) -> datetime:
    return local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
