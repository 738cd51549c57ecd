"""Keeps organizations apart on the dashboard, where Django's admin would not.

Querysets, choices of fields, filters and look-ups stay within the active organization. Nothing else is in here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.forms.models import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse

from accounts.dashboard.kit.access import active_organization


class ScopedFields:
    """Choices of related objects stay within the active organization, in forms and inlines alike."""

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        model = db_field.remote_field.model
        try:
            model._meta.get_field("organization")
        except FieldDoesNotExist:
            return model._default_manager.none()
        return model._default_manager.filter(organization=active_organization(request))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if formfield and isinstance(formfield.widget, RelatedFieldWidgetWrapper):
            formfield.widget = formfield.widget.widget
        return formfield


class OwnRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by objects of the active organization. Its choices are the newest of these objects, not those of the
    rows, and the one that is chosen. `others_at`: the list that leads to older ones, where there are any."""

    MOST = 20
    others_at = ""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        model = field.remote_field.model
        own = model._default_manager.filter(organization=active_organization(request)).order_by("-pk")
        offered = list(own[: self.MOST + 1])
        if len(offered) > self.MOST:
            offered.pop()
            related = model_admin.admin_site._registry.get(model)
            self.others_at = related.url("changelist") if related else ""
            if chosen := set(self.lookup_val or ()) - {str(each.pk) for each in offered}:
                offered += _found(own, chosen)
        names = Counter(str(each) for each in offered)
        return [
            (each.pk, each.dated_name if names[str(each)] > 1 and hasattr(each, "dated_name") else str(each))
            for each in offered
        ]


def _found(rows: models.QuerySet[Any], keys: Iterable[str]) -> list[Any]:
    try:
        return list(rows.filter(pk__in=keys))
    except (ValueError, ValidationError):  # what is no key: the list itself says so
        return []


class ScopedAdmin(ScopedFields, admin.ModelAdmin):
    """Objects of the active organization, without the stock admin's features that reach further."""

    organization_lookup = "organization"
    show_facets = admin.ShowFacets.NEVER
    preserve_filters = False
    view_on_site = False
    actions = None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        organization = active_organization(request)
        return super().get_queryset(request).filter(**{self.organization_lookup: organization})

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or self.organization_id_of(obj) == active_organization(request).pk

    def organization_id_of(self, obj: Any) -> Any:
        *way, last = self.organization_lookup.split("__")
        for name in way:
            obj = getattr(obj, name)
        return getattr(obj, f"{last}_id")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow the look-ups of the declared filters only. Any other look-up answers questions about hidden data.

        That includes look-ups that begin like a filter: `campaign__claims__viewer__email__startswith`.
        """
        declared = {getattr(entry, "parameter_name", entry) for entry in self.list_filter}
        names = {entry[0] if isinstance(entry, tuple) else entry for entry in declared}
        return any(
            lookup in (name, f"{name}__exact", f"{name}__id__exact", f"{name}__isnull") for name in names
        )

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return to_field == self.opts.pk.name

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Take no values from the address."""
        return {}

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """List no related objects. The domain decides what may be deleted."""
        return [], {}, set(), []

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404

    def object_or_404(self, request: HttpRequest, object_id: str) -> Any:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        return obj


class ScopedFormSet(BaseInlineFormSet):
    """Accept only rows of the parent. Django's own form set accepts the id of any row."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["id"].queryset = self.get_queryset()


class ScopedInline(ScopedFields, admin.TabularInline):
    formset = ScopedFormSet
    show_change_link = False
    view_on_site = False
