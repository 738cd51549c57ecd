"""The base of every model on the dashboard.

A subclass says what to show and calls one verb of `domain` per change; nothing here saves anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import CappedPaginator, VerbAdmin
from accounts.dashboard.kit.access import active_organization, may, recheck, require
from accounts.dashboard.kit.export import MOST_ROWS, csv_rows
from accounts.dashboard.kit.proposing import propose, waiting_context
from accounts.dashboard.kit.scoping import ScopedAdmin, ScopedInline
from accounts.dashboard.kit.verbs import Verb, verb_view
from accounts.domain.consequences import MANY, Consequence
from accounts.domain.permissions import Action
from accounts.domain.two_owners import Act, SecondOwnerNeeded
from accounts.models import AuditEvent
from config.csv_lines import csv_lines

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PLAIN_WIDGETS: dict[Any, dict[str, Any]] = {
    models.CharField: {"widget": forms.TextInput},
    models.URLField: {"widget": forms.URLInput},
    models.EmailField: {"widget": forms.EmailInput},
    models.TextField: {"widget": forms.Textarea},
    models.IntegerField: {"widget": forms.NumberInput},
}


class OrganizationAdmin(ScopedAdmin, VerbAdmin):
    """Objects of the active organization: seen and changed by those who may do `see` and `change`.

    The subclass says by `may_add`, `may_edit` and `may_delete` what can be changed at all.
    """

    see: Action
    see_history: Action | None = None  # `see`, unless it is another
    change: Action
    route: str
    label: StrOrPromise
    noun: StrOrPromise  # in the middle of a sentence
    icon = "list"
    order = 100
    in_navigation = True
    in_search = False  # in the one search for everything
    lede: StrOrPromise = ""
    empty_text: StrOrPromise = ""

    may_add = may_edit = may_delete = False
    has_history = True
    delete_label: StrOrPromise = _("Delete")
    delete_question: StrOrPromise = _("This cannot be undone.")
    delete_act: Act | None = None  # what another owner has to agree to, where the two-owner rule holds
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

    # What may be seen and done

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, self.see)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.see) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_add and may(request, self.change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit and may(request, self.change) and self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_delete and may(request, self.change) and self.has_view_permission(request, obj)

    # How a change is made

    def before_write(self, request: HttpRequest) -> None:
        recheck(request, self.change)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except SecondOwnerNeeded as needed:
            propose(request, needed)
            return redirect(self.url_of(needed.row))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        obj = self.object_or_404(request, object_id)
        typed_name = str(obj) if self.people_affected(obj) >= MANY else ""
        try:
            with transaction.atomic():
                if request.method == "POST":
                    recheck(request, self.change)
                    if typed_name and request.POST.get("typed_name", "").strip() != typed_name:
                        raise ValidationError(_("Type the name exactly as it is shown. Nothing was deleted."))
                return super().delete_view(
                    request,
                    object_id,
                    {
                        "model_admin": self,
                        "list_url": self.url("changelist"),
                        "back": self.url("change", object_id),
                        "refusal": self.delete_refusal(obj),
                        "consequences": self.delete_consequences(obj),
                        "typed_name": typed_name,
                        **waiting_context(request, self.delete_act, obj),
                    },
                )
        except SecondOwnerNeeded as needed:
            propose(request, needed)
            return redirect(self.url("change", object_id))
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect(self.url("change", object_id))

    def delete_refusal(self, obj: Any) -> str:
        """Why `obj` cannot be deleted now: the delete page then offers no button."""
        return ""

    def delete_consequences(self, obj: Any) -> Sequence[Consequence]:
        """What the delete page lists."""
        return ()

    def people_affected(self, obj: Any) -> int:
        """How many people deleting `obj` affects; counted no further than `MANY`."""
        return 0

    # Addresses and answers

    def url(self, view: str, *args: Any) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{view}"
        return reverse(name, args=args)

    def url_of(self, obj: Any) -> str:
        """The page that shows `obj`."""
        return self.url("change", quote(obj.pk))

    def history_url_for(self, request: HttpRequest, obj: Any) -> str:
        """Empty for whoever may not see it."""
        seen = self.has_history and may(request, self.see_history or self.see)
        return self.url("history", quote(obj.pk)) if seen else ""

    def title_of(self, obj: Any) -> str:
        return str(obj)

    def get_urls(self) -> list[URLPattern]:
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        verb_urls = [
            path(
                f"<path:object_id>/{verb.name}/",
                self.admin_site.admin_view(verb_view(self, verb)),
                name=f"{prefix}_{verb.name}",
            )
            for verb in self.verbs
        ]
        export = path("export.csv", self.admin_site.admin_view(self.export_view), name=f"{prefix}_export")
        # The nameless address is the stock admin's redirect from "<id>/", for ids of anything.
        return [export, *verb_urls, *(each for each in super().get_urls() if each.name)]

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        messages.success(
            request, _("%(noun)s “%(object)s” was created.") % {"noun": capfirst(self.noun), "object": obj}
        )
        return redirect(self.url_of(obj))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        messages.success(
            request, _("%(noun)s “%(object)s” was saved.") % {"noun": capfirst(self.noun), "object": obj}
        )
        return redirect(self.url_of(obj))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        messages.success(
            request,
            _("%(noun)s “%(object)s” was deleted.") % {"noun": capfirst(self.noun), "object": obj_display},
        )
        return redirect(self.url("changelist"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """An upload or a box to tick is in the form alone: whoever may only look sees none of them."""
        fieldsets: Any = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (
                title,
                {**options, "fields": [n for n in options["fields"] if hasattr(obj, n) or hasattr(self, n)]},
            )
            for title, options in fieldsets
        ]

    def offered_verbs(self, request: HttpRequest, obj: Any) -> list[Verb]:
        now = timezone.now()
        return [
            verb for verb in self.verbs if may(request, self.action_of(verb)) and not verb.why_not(obj, now)
        ]

    def action_of(self, verb: Verb) -> Action:
        return verb.action or self.change

    # Pages

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The rows of the list, as it is filtered, as a CSV file."""
        require(request, self.see)
        back = f"{self.url('changelist')}?{request.GET.urlencode()}"
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect(back)  # the list says what is wrong with the address
        if changelist.queryset[MOST_ROWS : MOST_ROWS + 1]:
            messages.error(
                request,
                _("A file has at most %(count)s rows. Filter the list, and download what is left.")
                % {"count": f"{MOST_ROWS:,}"},
            )
            return redirect(back)
        return StreamingHttpResponse(
            csv_lines(csv_rows(changelist)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{self.route}.csv"'},
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {
            "title": self.label,
            "model_admin": self,
            "add_url": self.url("add"),
            "export_url": self.url("export"),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        context |= {
            "model_admin": self,
            "list_url": self.url("changelist"),
            "title": _("New %(noun)s") % {"noun": self.noun},
            "consequences": getattr(request, "consequences", ()),
            "consequences_digest": getattr(request, "consequences_digest", ""),
        }
        if obj is not None:
            context["verbs"] = [
                (verb, self.url(verb.name, quote(obj.pk))) for verb in self.offered_verbs(request, obj)
            ]
            context |= {
                "title": self.title_of(obj),
                "back": self.url_of(obj),
                "history_url": self.history_url_for(request, obj),
                "delete_url": self.url("delete", quote(obj.pk)),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        obj = self.object_or_404(request, object_id)
        require(request, self.see_history or self.see)
        context = {"back": self.url_of(obj), "list_url": self.url("changelist"), "model_admin": self}
        return super().history_view(request, object_id, context)

    def audit_events(self, request: HttpRequest, obj: Any) -> models.QuerySet[AuditEvent]:
        return super().audit_events(request, obj).filter(organization=active_organization(request))


class OrganizationInline(ScopedInline):
    """Rows of an object on its own page. The parent's verb saves them."""

    change: Action

    template = "dashboard/inline.html"
    formfield_overrides = PLAIN_WIDGETS

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.change)


def rows_of(formset: Any) -> Iterable[dict[str, Any]]:
    """The rows of an inline that were filled in and are not to be removed.

    A field that was not edited since the form was drawn takes its present value.
    """
    for form in formset.forms:
        row = form.cleaned_data
        if row and not row.get("DELETE") and (form.instance.pk or form.has_changed()):
            untouched = set(form.initial) & set(form.fields) - set(form.changed_data)
            yield row | {name: form.fields[name].clean(form.initial[name]) for name in untouched}
