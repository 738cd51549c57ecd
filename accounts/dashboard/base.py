"""The base of every model on the dashboard. It closes what Django's admin leaves open between organizations.

A subclass says what to show and calls one verb of `domain` per change; nothing here saves anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import FieldDoesNotExist, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import models, transaction
from django.forms.models import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import capfirst

from accounts.dashboard.access import active_organization, may_change, recheck
from accounts.dashboard.refusals import VerbAdmin
from accounts.dashboard.words import action_words, change_words
from accounts.models import AuditEvent

Run = Callable[[Any, HttpRequest, Any], HttpResponse | None]


@dataclass(frozen=True)
class Verb:
    """A button on an object, its confirm page, and the function that calls the domain.

    `question` and `done` may name the object as %s. `offered` says for which objects it makes sense.
    A verb that speaks to other servers is not `in_transaction`.
    """

    name: str
    label: str
    question: str
    done: str
    run: Run
    offered: Callable[[Any, datetime], bool] = lambda _obj, _now: True
    tone: str = ""
    in_transaction: bool = True


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


PLAIN_WIDGETS: dict[Any, dict[str, Any]] = {
    models.CharField: {"widget": forms.TextInput},
    models.URLField: {"widget": forms.URLInput},
    models.EmailField: {"widget": forms.EmailInput},
    models.TextField: {"widget": forms.Textarea},
    models.IntegerField: {"widget": forms.NumberInput},
}


class OwnRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by something of the active organization's: named from there, not from the rows."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        own = {"organization": active_organization(request)}
        return field.get_choices(include_blank=False, limit_choices_to=own)


class CappedPaginator(Paginator):
    """Counts no further than anybody pages: the count of millions would cost more than the page."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[: self.MOST].count())


# What the columns and facts of the dashboard are called, where the model's own word says less.
LABELS = {
    "acknowledge_within_hours": "Acknowledged within (hours)",
    "announcement_days": "Announced, days before the start",
    "at": "When",
    "attempt_count": "Attempts",
    "channels": "Allow-list",
    "created": "Created",
    "created_at": "Created",
    "delivered_at": "Delivered",
    "ends_at": "End",
    "event_type": "Event",
    "external_id": "External ID",
    "external_status": "Status",
    "failing_since": "Failing since",
    "grace_days": "Grace period, days after the end",
    "id": "ID",
    "next_attempt_at": "Next attempt",
    "starts_at": "Start",
    "target_id": "Object",
    "user": "Member",
    "viewer_id": "User ID",
}


class OrganizationAdmin(ScopedFields, VerbAdmin):
    """Objects of the active organization: members see them, owners change what the subclass opens."""

    organization_lookup = "organization"
    route: str
    label: str
    noun: str  # in the middle of a sentence
    icon = "list"
    order = 100
    in_navigation = True
    lede = ""
    empty_text = ""

    may_add = may_edit = may_delete = False
    has_history = True
    delete_label = "Delete"
    delete_question = "This cannot be undone."
    verbs: Sequence[Verb] = ()

    formfield_overrides = PLAIN_WIDGETS
    add_form_template = "dashboard/change_form.html"
    change_form_template = "dashboard/change_form.html"
    change_list_template = "dashboard/change_list.html"
    delete_confirmation_template = "dashboard/delete.html"
    object_history_template = "dashboard/history.html"

    list_per_page = 50
    paginator = CappedPaginator
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    preserve_filters = False
    view_on_site = False
    actions = None

    # What may be seen and done

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        organization = active_organization(request)
        return super().get_queryset(request).filter(**{self.organization_lookup: organization})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or self.organization_id_of(obj) == active_organization(request).pk

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_add and may_change(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit and may_change(request) and self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_delete and may_change(request) and self.has_view_permission(request, obj)

    def organization_id_of(self, obj: Any) -> Any:
        *way, last = self.organization_lookup.split("__")
        for name in way:
            obj = getattr(obj, name)
        return getattr(obj, f"{last}_id")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What the declared filters themselves ask, and nothing else: any other look-up is an oracle.

        Not even what begins like one: `campaign__claims__viewer__email__startswith`.
        """
        declared = {getattr(entry, "parameter_name", entry) for entry in self.list_filter}
        names = {entry[0] if isinstance(entry, tuple) else entry for entry in declared}
        return any(
            lookup in (name, f"{name}__exact", f"{name}__id__exact", f"{name}__isnull") for name in names
        )

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return to_field == self.opts.pk.name

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing from the address."""
        return {}

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Nothing that hangs on the object is printed; the domain decides what may be deleted."""
        return [], {}, set(), []

    # How a change is made

    def before_write(self, request: HttpRequest) -> None:
        recheck(request)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        try:
            with transaction.atomic():
                if request.method == "POST":
                    recheck(request)
                return super().delete_view(
                    request,
                    object_id,
                    {
                        "model_admin": self,
                        "list_url": self.url("changelist"),
                        "back": self.url("change", object_id),
                    },
                )
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect(self.url("change", object_id))

    # Addresses and answers

    def url(self, view: str, *args: Any) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{view}"
        return reverse(name, args=args)

    def url_of(self, obj: Any) -> str:
        """The page that shows `obj`."""
        return self.url("change", quote(obj.pk))

    def title_of(self, obj: Any) -> str:
        return str(obj)

    def get_urls(self) -> list[URLPattern]:
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        verb_urls = [
            path(
                f"<path:object_id>/{verb.name}/",
                self.admin_site.admin_view(self._verb_view(verb)),
                name=f"{prefix}_{verb.name}",
            )
            for verb in self.verbs
        ]
        # The nameless address is the stock admin's redirect from "<id>/", for ids of anything.
        return [*verb_urls, *(each for each in super().get_urls() if each.name)]

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        messages.success(request, f"{capfirst(self.noun)} “{obj}” was created.")
        return redirect(self.url_of(obj))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        messages.success(request, f"{capfirst(self.noun)} “{obj}” was saved.")
        return redirect(self.url_of(obj))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        messages.success(request, f"{capfirst(self.noun)} “{obj_display}” was deleted.")
        return redirect(self.url("changelist"))

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404

    def object_or_404(self, request: HttpRequest, object_id: str) -> Any:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        return obj

    def offered_verbs(self, request: HttpRequest, obj: Any) -> list[Verb]:
        if not may_change(request):
            return []
        now = timezone.now()
        return [verb for verb in self.verbs if verb.offered(obj, now)]

    def _verb_view(self, verb: Verb) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            obj = self.object_or_404(request, object_id)
            if not may_change(request):
                raise PermissionDenied(
                    "Your role lets you look, not change. Ask an owner of your organization."
                )
            if request.method != "POST":
                return self._confirm_page(request, verb, obj)
            try:
                with transaction.atomic():
                    recheck(request)
                    response = verb.run(self, request, obj) if verb.in_transaction else None
                if not verb.in_transaction:
                    response = verb.run(self, request, obj)
            except ValidationError as refusal:
                for text in refusal.messages:
                    messages.error(request, text)
                return redirect(self.url_of(obj))
            if verb.done:
                messages.success(request, verb.done.replace("%s", str(obj)))
            return response or redirect(self.url_of(obj))

        return view

    def _confirm_page(self, request: HttpRequest, verb: Verb, obj: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb.label}: {obj}",
            "verb": verb,
            "question": verb.question.replace("%s", f"“{obj}”"),
            "obj": obj,
            "opts": self.opts,
            "back": self.url_of(obj),
            "list_url": self.url("changelist"),
            "model_admin": self,
        }
        return TemplateResponse(request, "dashboard/confirm.html", context)

    # Pages

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"title": self.label, "model_admin": self, "add_url": self.url("add")}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        context |= {
            "model_admin": self,
            "list_url": self.url("changelist"),
            "title": f"New {self.noun}",
        }
        if obj is not None:
            context["verbs"] = [
                (verb, self.url(verb.name, quote(obj.pk))) for verb in self.offered_verbs(request, obj)
            ]
            context |= {
                "title": self.title_of(obj),
                "back": self.url_of(obj),
                "history_url": self.url("history", quote(obj.pk)) if self.has_history else "",
                "delete_url": self.url("delete", quote(obj.pk)),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """The audit events of the object."""
        obj = self.object_or_404(request, object_id)
        events = AuditEvent.objects.filter(
            organization=active_organization(request),
            target_type=self.opts.label_lower,
            target_id=str(obj.pk),
        ).select_related("actor", "actor_app")
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {obj}",
            "obj": obj,
            "opts": self.opts,
            "back": self.url_of(obj),
            "list_url": self.url("changelist"),
            "model_admin": self,
            "events": [
                (event, action_words(event.action), change_words(event.action, event.data))
                for event in events[:200]
            ],
        }
        return TemplateResponse(request, self.object_history_template, context)


class ScopedFormSet(BaseInlineFormSet):
    """Rows are those of the parent: the stock one takes any row's id for one of its own."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["id"].queryset = self.get_queryset()


class OrganizationInline(ScopedFields, admin.TabularInline):
    """Rows of an object on its own page. The parent's verb saves them."""

    template = "dashboard/inline.html"
    formset = ScopedFormSet
    formfield_overrides = PLAIN_WIDGETS
    show_change_link = False
    view_on_site = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change(request)


def badge(text: str, tone: str = "") -> str:
    """A word in a list with a colour that means something: good, live, wait, bad, info, or none."""
    return format_html('<span class="badge{}">{}</span>', f" is-{tone}" if tone else "", text)


def rows_of(formset: Any) -> Iterable[dict[str, Any]]:
    """The cleaned rows of an inline that were filled in and are not to be removed."""
    for form in formset.forms:
        if (
            form.cleaned_data
            and not form.cleaned_data.get("DELETE")
            and (form.instance.pk or form.has_changed())
        ):
            yield form.cleaned_data
