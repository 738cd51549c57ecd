"""How lists of claims and deliveries are filtered, by more than what a row refers to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fulfillment.domain.delivery.reading import made_between
from fulfillment.domain.delivery.status import DELIVERY_FILTERS, LISTED_DELIVERIES, DeliveryStatus, Step
from fulfillment.domain.delivery.words import filter_words
from fulfillment.models import LastAnswer

MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class PathFilter(admin.SimpleListFilter):
    """By the three words of the path. Links of other pages lead to one of its statuses as well: it is offered
    while it is chosen."""

    title = _("state")
    parameter_name = "state"
    also: tuple[DeliveryStatus, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(str(self.parameter_name))
        offered = [*Step, *self.also, *(each for each in LISTED_DELIVERIES if each.value == chosen)]
        return list({each.value: filter_words(each) for each in offered}.items())

    @property
    def wanted(self) -> Step | DeliveryStatus | None:
        return next((each for each in DELIVERY_FILTERS if each.value == self.value()), None)


class LastAnswerFilter(admin.SimpleListFilter):
    title = _("last answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(LastAnswer.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(last_answer=self.value()) if self.value() in LastAnswer.values else queryset


class TimeFilter(admin.ListFilter):
    """When it was made: the last hours, or from one minute to another, in UTC."""

    title = _("time")
    parameter_name = "hours"
    template_part = "dashboard/time_filter.html"
    BOUNDS = ("since", "until")
    names = ("hours", *BOUNDS)
    PERIODS = (
        ("1", _("The last hour")),
        ("24", _("The last 24 hours")),
        ("168", _("The last 7 days")),
        ("720", _("The last 30 days")),
    )

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        typed = {name: (params.pop(name, None) or [""])[-1] for name in self.names}
        self.used_parameters = {name: text for name, text in typed.items() if text}
        self.bounds = {name: _moment(typed[name]) for name in self.BOUNDS}
        hours = typed["hours"]
        self.hours = hours if hours in dict(self.PERIODS) and not any(self.bounds.values()) else None
        # The other filters, which the form of the two moments sends along.
        self.others = [
            (name, value)
            for name, values in request.GET.lists()
            for value in values
            if name not in (*self.names, PAGE_VAR)
        ]

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.hours:
            return made_between(queryset, since=timezone.now() - timedelta(hours=int(self.hours)))
        return made_between(queryset, **self.bounds)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        names = list(self.names)
        chosen = any(self.bounds.values())
        yield {
            "selected": not chosen and self.hours is None,
            "query_string": changelist.get_query_string(remove=names),
            "display": _("All"),
        }
        if chosen:
            first, last = (f"{at:%d %b, %H:%M}" if at else "…" for at in self.bounds.values())
            kept = {name: self.used_parameters[name] for name, at in self.bounds.items() if at}
            yield {
                "selected": True,
                "query_string": changelist.get_query_string(kept, names),
                "display": _("%(first)s to %(last)s UTC") % {"first": first, "last": last},
            }
        for hours, words in self.PERIODS:
            yield {
                "selected": self.hours == hours,
                "query_string": changelist.get_query_string({"hours": hours}, names),
                "display": words,
            }


def _moment(typed: str) -> datetime | None:
    """A minute in UTC that was typed; None where nothing was, or no such thing."""
    try:
        return forms.DateTimeField(required=False).clean(typed)  # type: ignore[no-any-return]
    except ValidationError:
        return None
