"""What platform operators see of people and organizations at /admin/, and the base of all of our admins there.

- `base`: who may enter, and how a verb runs
- `organizations`: organizations, and the names and logos that wait for a decision
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import OperatorAdmin, may_operate, operator
from accounts.admin.organizations import OrganizationAdmin, OrganizationChangeAdmin
from accounts.admin_base import ObjectFilter, VerbForm, changes_html, target_words
from accounts.audit_words import action_words
from accounts.domain import apps, standing
from accounts.models import AuditEvent, OAuthApp, User
from accounts.requests import WriteRequest

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

__all__ = [
    "AuditEventAdmin",
    "EventFilter",
    "OperatorAdmin",
    "OrganizationAdmin",
    "OrganizationChangeAdmin",
    "PlatformAppAdmin",
    "UserAdmin",
    "may_operate",
    "operator",
]


@admin.register(User)
class UserAdmin(OperatorAdmin):
    may_edit = True
    list_display = ("username", "email", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("=id", "username", "email")
    ordering = ("-date_joined",)
    readonly_fields = ("user_id", "username", "email", "organizations", "date_joined", "last_login")
    fields = (*readonly_fields, "is_active", "is_staff")

    @admin.display(description=_("user ID"))
    def user_id(self, user: User) -> int:
        return user.pk

    @admin.display(description=_("organizations"))
    def organizations(self, user: User) -> str:
        """Whom the person works for, in which role."""
        rows = user.memberships.select_related("organization").order_by("organization__name", "pk")
        return ", ".join(f"{row.organization} ({row.get_role_display()})" for row in rows) or "-"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        standing.change_standing(
            user=obj,
            is_active=form.cleaned_data["is_active"],
            is_staff=form.cleaned_data["is_staff"],
            now=timezone.now(),
            actor=operator(request),
        )


class EventFilter(ObjectFilter):
    objects: ClassVar[dict[str, StrOrPromise]] = ObjectFilter.objects | {
        "category": _("Categories"),
        "channel": _("Channels"),
        "livestream": _("Livestreams"),
        "signing_key": _("Signing keys"),
        "user": _("Users"),
    }


@admin.register(AuditEvent)
class AuditEventAdmin(OperatorAdmin):
    list_display = ("at", "what", "organization", "actor", "actor_app", "target_id")
    list_filter = (EventFilter, "at")
    list_select_related = ("organization", "actor", "actor_app")
    search_fields = ("target_id", "organization__name", "actor__username")
    fields = readonly_fields = ("at", "what", "organization", "actor", "actor_app", "about", "changes")

    @admin.display(description=_("what"))
    def what(self, event: AuditEvent) -> str:
        return action_words(event.action)

    @admin.display(description=_("object"))
    def about(self, event: AuditEvent) -> str:
        return target_words(event)

    @admin.display(description=_("changes"))
    def changes(self, event: AuditEvent) -> str:
        return changes_html(event)


class PlatformAppForm(VerbForm):
    class Meta:
        model = OAuthApp
        fields = ("name", "redirect_uris")
        labels = {"name": _("Name")}
        help_texts = {"redirect_uris": _("Separate several addresses with spaces.")}


class PlatformAppAdmin(OperatorAdmin):
    """The streaming platform's own apps; those of organizations are their owners' to change.

    Registered by the OAuth toolkit, which takes the class from the setting APPLICATION_ADMIN_CLASS.
    """

    form = PlatformAppForm
    may_add = may_edit = True
    list_display = ("name", "client_id", "owner", "created", "deleted_at")
    list_select_related = ("organization",)
    search_fields = ("name", "client_id", "organization__name")
    fields = ("name", "redirect_uris", "client_id", "owner")
    readonly_fields = ("client_id", "owner")
    actions = ("new_secret", "delete_apps")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (
            obj is None or (obj.is_platform and obj.deleted_at is None)
        )

    @admin.display(description=_("owner"))
    def owner(self, app: OAuthApp) -> str:
        return str(app.organization or _("the platform"))

    def save_model(self, request: HttpRequest, obj: OAuthApp, form: Any, change: bool) -> None:
        plan = {
            "name": form.cleaned_data["name"],
            "redirect_uris": form.cleaned_data["redirect_uris"].split(),
            "now": timezone.now(),
            "actor": operator(request),
        }
        if change:
            apps.change_app(app=OAuthApp.objects.get(pk=obj.pk), **plan)
            return
        created, secret = apps.create_app(organization=None, **plan)
        obj.pk, obj.client_id = created.pk, created.client_id
        cast("WriteRequest", request).new_secret = secret

    def response_add(
        self, request: HttpRequest, obj: OAuthApp, post_url_continue: Any = None
    ) -> HttpResponse:
        return self._secret_page(request, obj, cast("WriteRequest", request).new_secret)

    @admin.action(
        description=_("New secret (the current secret works for 24 more hours)"), permissions=["decide"]
    )
    def new_secret(self, request: HttpRequest, queryset: QuerySet[OAuthApp]) -> HttpResponse | None:
        chosen = list(queryset.filter(is_platform=True, deleted_at=None)[:2])
        if len(chosen) != 1:
            messages.error(request, _("Choose one app."))
            return None
        secret = apps.rotate_secret(app=chosen[0], now=timezone.now(), actor=operator(request))
        return self._secret_page(request, chosen[0], secret)

    @admin.action(description=_("Delete with all tokens"), permissions=["decide"])
    def delete_apps(self, request: HttpRequest, queryset: QuerySet[OAuthApp]) -> None:
        now, actor = timezone.now(), operator(request)
        rows = queryset.filter(is_platform=True, deleted_at=None)
        self.each(
            request, rows, lambda app: apps.delete_app(app=app, now=now, actor=actor), _("%(count)d deleted.")
        )

    def _secret_page(self, request: HttpRequest, app: OAuthApp, secret: str) -> HttpResponse:
        """The one page that ever shows a secret: it is in no session, log or message."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Secret of %(app)s") % {"app": app.name},
            "opts": self.opts,
            "app": app,
            "secret": secret,
        }
        return TemplateResponse(request, "admin/secret.html", context)
