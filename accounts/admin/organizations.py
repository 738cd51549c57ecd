"""Organizations, and the names and logos that wait for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.db.models.fields.files import ImageFieldFile
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin.applications import ReviewAdmin
from accounts.admin.base import OperatorAdmin, may_operate, operator
from accounts.admin.verbs import OperatorVerb, Order
from accounts.admin_base import VerbForm
from accounts.domain import names, operator_views, organization_changes, organizations, two_owners
from accounts.models import (
    ApplicationStep,
    AuditEvent,
    MemberRole,
    Membership,
    OAuthApp,
    Organization,
    OrganizationChange,
    OrganizationState,
    TakenName,
)
from accounts.requests import VIEW_KEY

if TYPE_CHECKING:
    from django.urls import URLPattern
    from django_stubs_ext import StrOrPromise


def picture(file: ImageFieldFile) -> str:
    """As a small image; nothing where there is none."""
    return format_html('<img class="logo-tile" src="{}" alt="{}">', file.url, _("Logo")) if file else ""


class LookInline(admin.TabularInline):
    can_delete = view_on_site = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_operate(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StepInline(LookInline):
    model = ApplicationStep
    fields = readonly_fields = ("kind", "text", "by", "at")


class MemberInline(LookInline):
    model = Membership
    fields = readonly_fields = ("user", "role", "created_at")


class AppInline(LookInline):
    """Its apps: whoever approves the organization approves the names and logos that they have now."""

    model = OAuthApp
    fields = readonly_fields = ("name", "picture", "leads_to")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OAuthApp]:
        return super().get_queryset(request).filter(deleted_at=None).order_by("pk")

    @admin.display(description=_("logo"))
    def picture(self, app: OAuthApp) -> str:
        return picture(app.logo) or "-"

    @admin.display(description=_("redirect URIs"))
    def leads_to(self, app: OAuthApp) -> str:
        return app.redirect_uris or "-"


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, StrOrPromise]]:
        return [(state.value, state.label) for state in OrganizationState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen not in OrganizationState.values:
            return queryset
        return queryset.filter(OrganizationState(chosen).of())


def suspend(_admin: OperatorAdmin, _request: HttpRequest, organization: Organization, order: Order) -> None:
    organizations.suspend_organization(organization=organization, **order._asdict())


def lift(_admin: OperatorAdmin, _request: HttpRequest, organization: Organization, order: Order) -> None:
    two_owners.lift(organization=organization, **order._asdict())


def view_as(
    _admin: OperatorAdmin, request: HttpRequest, organization: Organization, order: Order, *, role: str
) -> HttpResponse:
    view = operator_views.begin(organization=organization, role=role, **order._asdict())
    request.session[VIEW_KEY] = view.pk
    return redirect("dashboard:index")


VIEW_AS = OperatorVerb(
    name="view-as",
    label=_("View as"),
    question=_("You see the dashboard as a member of the role that you choose would."),
    run=view_as,
    consequences=operator_views.of_viewing,
    fields=lambda _organization: {
        "role": forms.ChoiceField(label=_("Role"), choices=MemberRole.choices, initial=MemberRole.OWNER)
    },
    for_lists=False,
)
SUSPEND = OperatorVerb(
    name="suspend",
    label=_("Suspend"),
    question=_(
        "The organization disappears from all pages of viewers. Ending the suspension brings it back."
    ),
    run=suspend,
    done=_("Suspended: %(rows)s."),
    why_not=organizations.why_not_suspend,
    consequences=organizations.of_suspending,
    people=organizations.viewers_of,
)
LIFT_TWO_OWNER_RULE = OperatorVerb(
    name="lift-two-owner-rule",
    label=_("Turn off the two-owner rule"),
    question=_(
        "This is for an organization whose other owner no longer answers. From then on one owner alone can do what "
        "now waits for a second."
    ),
    run=lift,
    done=_("The two-owner rule was turned off: %(rows)s."),
    why_not=two_owners.why_not_lift,
)


@admin.register(Organization)
class OrganizationAdmin(ReviewAdmin):
    list_display = ("name", "state", "requested_categories", "url", "created_at")
    list_filter = (StateFilter,)
    search_fields = ("name", "slug", "contact_email")
    ordering = ("-created_at",)
    sortable_by = ("created_at",)
    sorts = (("created_at", "id"),)  # both begin with the moment
    fields = (
        "name",
        "picture",
        "slug",
        "url",
        "connect_url",
        "contact_email",
        "requested_categories",
        "approved_at",
        "suspended_at",
        "two_owners_since",
        "created_at",
    )
    readonly_fields = fields
    inlines = (StepInline, MemberInline, AppInline)
    actions = ("end_suspension",)
    verbs = (VIEW_AS, SUSPEND, LIFT_TWO_OWNER_RULE)
    change_form_template = "admin/organization.html"

    def get_urls(self) -> list[URLPattern]:
        leave = self.admin_site.admin_view(self.leave_view)
        return [
            path("<path:object_id>/leave/", leave, name="accounts_organization_leave"),
            *super().get_urls(),
        ]

    def leave_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End what the operator looks at. A second time, or after its end, changes nothing."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        now = timezone.now()
        if view := operator_views.current(
            key=request.session.pop(VIEW_KEY, ""), operator=operator(request), now=now
        ):
            operator_views.end(view=view, now=now)
            messages.success(
                request,
                _("You no longer look at the dashboard of %(organization)s.")
                % {"organization": view.organization},
            )
        return redirect(self.url("changelist"))

    @admin.display(description=_("state"))
    def state(self, organization: Organization) -> StrOrPromise:
        return organization.state.label

    @admin.display(description=_("logo"))
    def picture(self, organization: Organization) -> str:
        return picture(organization.logo) or "-"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Also by any name that is kept for it, of its apps and the one that it asks for too, as the eye reads it."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if key := names.key_of(search_term):
            found |= queryset.filter(
                pk__in=TakenName.objects.filter(key__startswith=key).values("organization")
            )
        return found, may_repeat

    @admin.action(description=_("End the suspension"), permissions=["decide"])
    def end_suspension(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Of those that were approved before. An application is approved on its own page, by whoever has seen it."""
        now, actor = timezone.now(), operator(request)
        self.each(
            request,
            queryset.exclude(approved_at=None),
            lambda row: organizations.approve_organization(organization=row, now=now, actor=actor),
            _("%(count)d not suspended any more."),
        )


class OrganizationChangeForm(VerbForm):
    class Meta:
        model = OrganizationChange
        fields = ("reason",)
        help_texts = {"reason": _("The organization reads it. A refusal needs one.")}
        widgets = {"reason": forms.Textarea(attrs={"rows": 3, "maxlength": 500})}


@admin.register(OrganizationChange)
class OrganizationChangeAdmin(OperatorAdmin):
    """What organizations want viewers to see instead, beside what viewers see now."""

    form = OrganizationChangeForm
    may_edit = True
    list_display = ("present", "wanted", "state", "asked_by", "asked_at", "decided_by")
    list_filter = ("state",)
    list_select_related = ("organization", "app", "asked_by", "decided_by")
    search_fields = ("organization__name", "app__name", "name")
    ordering = (F("decided_at").desc(nulls_first=True), "asked_at")
    fields = ("present", "wanted", "asked_by", "asked_at", "state", "decided_by", "decided_at", "reason")
    readonly_fields = fields[:-1]
    change_form_template = "admin/organization_change.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or not organization_changes.why_not_decide(obj))

    @admin.display(description=_("now"))
    def present(self, change: OrganizationChange) -> str:
        words = change.organization.name
        if change.app:
            words = _("%(app)s, an app of %(organization)s") % {"app": change.app, "organization": words}
        return format_html("{} {}", picture(change.shown.logo), words)

    @admin.display(description=_("wanted"))
    def wanted(self, change: OrganizationChange) -> str:
        logo = picture(change.logo) or (_("(a new logo)") if change.with_logo else "")
        return format_html("{} {}", logo, change.name or _("(the same name)"))

    def audit_events(self, request: HttpRequest, obj: OrganizationChange) -> QuerySet[AuditEvent]:
        """All that was asked for the organization, and what came of it."""
        events = AuditEvent.objects.filter(organization=obj.organization)
        return events.filter(action__startswith="organization.change_").select_related("actor", "actor_app")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        change = self.get_object(request, unquote(object_id or ""))
        refusal = organization_changes.why_not_decide(change) if change is not None else ""
        if request.method == "POST" and refusal:
            messages.error(request, refusal)
            return redirect(request.path)
        return super().changeform_view(request, object_id, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if self.has_change_permission(request, kwargs["obj"]):
            context["title"] = _("Decide on a new name or logo")
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: OrganizationChange, form: Any, change: bool) -> None:
        now, actor = timezone.now(), operator(request)
        if "_approve" in request.POST:
            organization_changes.approve_change(change=obj, now=now, actor=actor)
        elif "_refuse" in request.POST:
            reason = form.cleaned_data["reason"]
            organization_changes.refuse_change(change=obj, reason=reason, now=now, actor=actor)
        else:
            raise ValidationError(_("Choose to approve or to refuse."))

    def response_change(self, request: HttpRequest, obj: OrganizationChange) -> HttpResponse:
        approved = "_approve" in request.POST
        messages.success(request, _("The change was approved.") if approved else _("The change was refused."))
        return redirect("admin:accounts_organizationchange_changelist")
