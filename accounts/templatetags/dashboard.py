"""How the dashboard's lists and fields are drawn: the site's own table and form, over Django's admin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple, cast

from django import template
from django.contrib.admin.utils import display_for_field, display_for_value, label_for_field, lookup_field
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models
from django.forms import BaseForm
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.dashboard.kit.objects import OrganizationAdmin
from config import zones

register = template.Library()

EMPTY = "-"


class Header(NamedTuple):
    """A column. `url` sorts by it; empty where no index serves that. `direction` is how the list is sorted now."""

    label: str
    url: str = ""
    direction: str = ""

    def __str__(self) -> str:
        return self.label


class Cell(NamedTuple):
    label: str
    value: Any
    url: str


@register.simple_tag
def table_headers(changelist: ChangeList) -> list[Header]:
    """The columns: a press sorts by one, another turns it round. Times begin with the latest."""
    chosen = changelist.params.get(ORDER_VAR, "")
    found = []
    for index, name in enumerate(map(str, changelist.list_display)):
        label, field = _header(changelist, name), changelist.get_ordering_field(name)
        if not field:
            found.append(Header(label))
            continue
        direction = {str(index): "ascending", f"-{index}": "descending"}.get(chosen, "")
        if not direction and not chosen:
            now = changelist.get_ordering_field_columns().get(index, "")
            direction = {"asc": "ascending", "desc": "descending"}.get(now, "")
        later_first = _is_time(changelist, name)
        downwards = direction == "ascending" or (not direction and later_first)
        url = changelist.get_query_string({ORDER_VAR: f"-{index}" if downwards else str(index)}, [PAGE_VAR])
        found.append(Header(label, url, direction))
    return found


def _is_time(changelist: ChangeList, name: str) -> bool:
    try:
        return isinstance(changelist.lookup_opts.get_field(name), models.DateTimeField)
    except FieldDoesNotExist:
        return True  # an ID, or the time of an event: what is made later has a later one


@register.filter
def sortable(headers: Iterable[Header]) -> list[Header]:
    return [header for header in headers if header.url]


@register.simple_tag
def table_rows(changelist: ChangeList) -> Iterator[list[Cell]]:
    """The rows as cells; the first of them, or the one that `list_display_links` names, has the row's link."""
    headers = table_headers(changelist)
    linked = set(changelist.list_display_links or ())
    for obj in changelist.result_list:
        url = cast("OrganizationAdmin", changelist.model_admin).url_of(obj)
        yield [
            Cell(header.label, _value(changelist, obj, str(name)), url if name in linked else "")
            for header, name in zip(headers, changelist.list_display, strict=True)
        ]


@register.simple_tag
def table_page(changelist: ChangeList) -> Any:
    return changelist.paginator.get_page(changelist.page_num)


@register.simple_tag
def marked_fields(form: BaseForm, inlines: Iterable[Any]) -> list[tuple[str, str]]:
    """The fields with errors, those of the rows of inlines too: the label of each, and the id that a link leads to."""
    found = [
        (capfirst(str(field.label)), field.id_for_label) for field in form.visible_fields() if field.errors
    ]
    for inline in inlines or ():
        for number, row in enumerate(inline.formset.forms, start=1):
            found += [
                (
                    _("%(field)s in row %(number)d") % {"field": field.label, "number": number},
                    field.id_for_label,
                )
                for field in row.visible_fields()
                if field.errors
            ]
    return found


@register.filter
def moment(value: datetime | None, empty: str = EMPTY) -> str:
    """A time as the dashboard tells it: in the person's time zone, which is named. The APIs and files speak UTC."""
    if value is None:
        return empty
    return _time(value, "j M Y, H:i")


@register.filter
def to_the_second(value: datetime) -> str:
    """The time of something that machines do: retries follow one another within seconds."""
    return _time(value, "j M Y, H:i:s")


def _time(value: datetime, form: str) -> str:
    """Without microseconds, which HTML allows in no `datetime` attribute."""
    shown, in_utc = zones.words(value, form), zones.words(value, form, UTC)
    title = format_html(' title="{}"', in_utc) if shown != in_utc else ""
    return format_html('<time datetime="{}"{}>{}</time>', value.isoformat(timespec="seconds"), title, shown)


@register.filter
def moment_in(value: datetime, zone: tzinfo) -> str:
    """A time in a zone that a form reads in, which may not be the person's own."""
    attribute = value.isoformat(timespec="seconds")
    return format_html('<time datetime="{}">{}</time>', attribute, zones.words(value, zone=zone))


@register.filter
def utc_beside(value: datetime, zone: tzinfo) -> str:
    """The same time in UTC, to be put beside `moment_in`; nothing where that is UTC."""
    shown = zones.words(value, zone=UTC)
    return "" if shown == zones.words(value, zone=zone) else shown


@register.filter
def row_of(prefix: str) -> str:
    """The number in the prefix of a form set's row."""
    return prefix.rpartition("-")[2]


@register.filter
def in_utc(value: datetime) -> str:
    """The same time in UTC, to be put beside it; nothing where the person reads UTC anyway."""
    return utc_beside(value, zones.current())


@register.filter
def percent(share: float) -> str:
    """A share of 0 to 1. 100 % only where it is all of it."""
    return f"{math.floor(share * 1000) / 10:g} %"


@register.filter
def rate(a_second: float) -> str:
    """So many a second, with two digits where they are few: 0.04, 1.8, 18, 1,200."""
    return f"{a_second:,.0f}" if a_second >= 10 else f"{a_second:.2g}"


@register.filter
def minutes(seconds: int) -> str:
    """Seconds of watch time as support reads them: "12 min 5 s"."""
    return _("%(minutes)d min %(seconds)d s") % {"minutes": seconds // 60, "seconds": seconds % 60}


@register.filter
def readonly_label(field: Any) -> str:
    return str(capfirst(field.field["label"]))


@register.filter
def readonly_value(field: Any) -> Any:
    """The value of an admin's read-only field, times as times."""
    name, obj, model_admin = field.field["field"], field.form.instance, field.model_admin
    try:
        value = lookup_field(name, obj, model_admin)[2]
    except (AttributeError, ValueError, ObjectDoesNotExist):
        return EMPTY
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return moment(value) if isinstance(value, datetime) else field.contents()


def _header(changelist: ChangeList, name: str) -> str:
    return capfirst(str(label_for_field(name, changelist.model, changelist.model_admin)))


def _value(changelist: ChangeList, obj: models.Model, name: str) -> Any:
    try:
        field, attribute, value = lookup_field(name, obj, changelist.model_admin)
    except ObjectDoesNotExist:
        return EMPTY
    if isinstance(value, datetime):
        return moment(value)
    if field is None:
        return display_for_value(value, EMPTY, getattr(attribute, "boolean", False))
    if isinstance(field.remote_field, models.ManyToOneRel):
        return getattr(obj, field.name) or EMPTY
    return display_for_field(value, field, EMPTY)


class Choices(NamedTuple):
    all: list[Any]
    selected: Any
    active: bool


@register.simple_tag
def table_choices(changelist: ChangeList, spec: Any) -> Choices:
    """What a filter offers, and what it stands on."""
    offered = list(spec.choices(changelist))
    at = next((index for index, choice in enumerate(offered) if choice["selected"]), 0)
    return Choices(offered, offered[at]["display"], at > 0)
