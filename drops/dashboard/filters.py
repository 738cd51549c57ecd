"""Filters that several lists share."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class ArchivedFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", str(_("Archived")))]

    def choices(self, changelist: Any) -> Any:
        everything, *others = super().choices(changelist)
        yield {**everything, "display": _("In use")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # Only the list asks this; the page of what is archived stays reachable.
        return queryset.filter(archived_at__isnull=self.value() != "yes")
