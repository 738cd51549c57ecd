"""What the owners' dashboard and the operators' admin share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, PAGE_VAR, ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import BigIntegerField, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.audit_words import action_words, change_words
from accounts.models import AuditEvent
from accounts.requests import WriteRequest
from accounts.uploads import pictures_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


# On one page of an object's history.
MOST_EVENTS = 200


class VerbForm(forms.ModelForm):
    """Shows, on its own fields, why a verb of the domain refused what was posted.

    Of an object that exists, the form carries the values that it was drawn with: a form that was open in
    another tab, or on another person's screen, changes what was touched in it and nothing else.
    """

    refusal: ClassVar[ValidationError | None] = None
    # The form's name of a field that the domain calls otherwise.
    renamed: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        carry_drawn_values(self)

    def changes(self) -> dict[str, Any]:
        """The cleaned values of the fields that were touched."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name in self.cleaned_data}

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.refusal is not None:
            errors: dict[str, Any] = self.refusal.update_error_dict({})
            for name, found in errors.items():
                field = self.renamed.get(name, name)
                self.add_error(field if field in self.fields else None, found)
        return cleaned


def carry_drawn_values(form: forms.ModelForm) -> None:
    """Let the form of an object that exists tell what was touched in it since it was drawn."""
    if not form.instance._state.adding:
        for field in form.fields.values():
            field.show_hidden_initial = not isinstance(field, forms.FileField)


class VerbChangeList(ChangeList):
    """Sorted by one column, and only by one that `sortable_by` of the admin names: an index serves it.

    Django itself sorts by any column that the address names, whatever the list offers.
    """

    def get_ordering_field(self, field_name: Any) -> Any:
        if field_name not in (self.sortable_by or ()):
            return None
        sorts = dict(cast("VerbAdmin", self.model_admin).sorts)
        return sorts.get(field_name) or super().get_ordering_field(field_name)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        chosen = self.params.get(ORDER_VAR, "").partition(".")[0]
        if not self.column_of(chosen):
            self.params.pop(ORDER_VAR, None)
            return super().get_ordering(request, queryset)
        self.params[ORDER_VAR] = chosen
        first, *_rest = super().get_ordering(request, queryset)
        # Rows with the same value follow one another in the same direction, so that one index serves both.
        return [first, "-pk" if chosen.startswith("-") else "pk"]

    def column_of(self, chosen: str) -> str:
        """The column that a value of the address stands for: "2", or "-2" for the other way round. "" for none."""
        match = re.fullmatch(r"-?([0-9]{1,3})", chosen, re.ASCII)
        columns = [str(name) for name in self.list_display]
        name = columns[int(match[1])] if match and int(match[1]) < len(columns) else ""
        return name if name and self.get_ordering_field(name) else ""

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """A number beyond 64 bits finds nothing: no database holds it, and SQLite does not even take it.

        Django knows so of a column of numbers, not of a foreign key or of a year.
        """
        found = super().get_filters_params(params)
        return {
            name: ["-1" if any(map(_is_beyond_64_bits, text.split(","))) else text for text in texts]
            for name, texts in found.items()
        }


def _is_beyond_64_bits(text: str) -> bool:
    try:
        return abs(int(text)) > BigIntegerField.MAX_BIGINT
    except ValueError:
        return False


def _page_typed(request: HttpRequest) -> int:
    try:
        return int(request.GET.get(PAGE_VAR, ""))
    except ValueError:
        return 0


class VerbAdmin(admin.ModelAdmin):
    """Saves nothing itself: `save_model` of a subclass calls a verb of the domain."""

    form = VerbForm
    takes_pictures = True  # what is uploaded with its form is one
    # The columns that a list can be sorted by: those that an index serves, beside what the list is limited to.
    sortable_by: ClassVar[tuple[str, ...]] = ()
    # What a column is sorted by, where it is not the column itself.
    sorts: ClassVar[Sequence[tuple[str, Any]]] = ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return super().changeform_view(request, *args, **kwargs)
        if self.takes_pictures:
            pictures_of(request)  # before the transaction: it may take a second
        try:
            with transaction.atomic():
                self.before_write(request)
                return super().changeform_view(request, *args, **kwargs)
        except ValidationError as refusal:
            # The same form is drawn once more, with what was said.
            cast("WriteRequest", request).refusal = refusal
            return super().changeform_view(request, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return VerbChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        # The stock admin marks an address it does not understand with a flag; a NUL byte it hands on
        # to PostgreSQL, which refuses it.
        typed = [value for _, values in request.GET.lists() for value in values]
        if ERROR_FLAG in request.GET or any("\0" in value for value in typed):
            messages.error(request, _("This list has no such filter or page. The whole list is shown."))
            return redirect(request.path)
        if (_page_typed(request) - 1) * self.list_per_page >= CappedPaginator.MOST:
            messages.info(
                request,
                _("Lists show their first %(count)s rows. A search or a filter finds the others.")
                % {"count": f"{CappedPaginator.MOST:,}"},
            )
            rest = request.GET.copy()
            del rest[PAGE_VAR]
            return redirect(f"{request.path}?{rest.urlencode()}" if rest else request.path)
        return super().changelist_view(request, extra_context)

    def before_write(self, request: HttpRequest) -> None:
        """Called inside the transaction of a write, before anything else."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise NotImplementedError("Call a verb of the domain.")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        raise NotImplementedError("Call a verb of the domain.")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The verb that `save_model` called has saved all there is."""

    # The audit trail is the log: Django's own is neither written nor shown.

    object_history_template = "admin/audit_history.html"

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The audit events of the object, newest first."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of %(object)s") % {"object": obj},
            "obj": obj,
            "opts": self.opts,
            "events": [
                (event, action_words(event.action), change_words(event.action, event.data))
                for event in self.audit_events(request, obj)[:MOST_EVENTS]
            ],
        }
        return TemplateResponse(request, self.object_history_template, context | (extra_context or {}))

    def audit_events(self, request: HttpRequest, obj: Any) -> QuerySet[AuditEvent]:
        """Those that tell the history of `obj`."""
        of_it = AuditEvent.objects.filter(target_type=self.opts.label_lower, target_id=str(obj.pk))
        return of_it.select_related("actor", "actor_app")

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        return ""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any: ...
    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any: ...
    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any: ...


class CappedPaginator(Paginator):
    """Counts no further than anybody pages: the count of millions would cost more than the page. `has_more`: there
    are more than `count`."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.MOST)

    @property
    def has_more(self) -> bool:
        return self._counted > self.MOST

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows[: self.MOST + 1].count())


def changes_html(event: AuditEvent) -> str:
    """What an event carries, a line for each value."""
    lines = change_words(event.action, event.data)
    return format_html_join(mark_safe("<br>"), "{}: {}", lines) or "-"


def target_words(event: AuditEvent) -> str:
    """The kind and the id of the object that an event is about."""
    return f"{capfirst(str(apps.get_model(event.target_type)._meta.verbose_name))} {event.target_id}"


class ObjectFilter(admin.SimpleListFilter):
    """By the first word of the action. A fixed list: the trail itself is too long to be asked for them."""

    title = _("about")
    parameter_name = "about"
    objects: ClassVar[dict[str, StrOrPromise]] = {
        "app": _("OAuth apps"),
        "campaign": _("Campaigns"),
        "chat": _("Chats"),
        "claims": _("Claims"),
        "consent": _("Consents"),
        "delivery": _("Deliveries"),
        "endpoint": _("Webhooks"),
        "link": _("Game accounts"),
        "member": _("Members"),
        "minutes": _("Granted minutes"),
        "organization": _("The organization"),
        "proposal": _("Proposals"),
        "reward": _("Rewards"),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, StrOrPromise]]:
        return list(self.objects.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(action__startswith=f"{chosen}.") if chosen in self.objects else queryset
