"""What platform operators see of people and organizations at /admin/, and the base of all of our admins there.

- `base`: who may enter, and how a verb runs
- `organizations`: organizations, and the names and logos that wait for a decision
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import OperatorAdmin, may_operate, operator
from accounts.admin.organizations import OrganizationAdmin, OrganizationChangeAdmin
from accounts.admin.verbs import OperatorVerb, Order
from accounts.admin_base import ObjectFilter, VerbForm, changes_html, target_words
from accounts.audit_words import action_words
from accounts.domain import apps, factor_resets, standing
from accounts.domain.permissions import Action
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


def _standing(
    is_active: bool | None = None, is_staff: bool | None = None
) -> Callable[[OperatorAdmin, HttpRequest, User, Order], None]:
    def run(_admin: OperatorAdmin, _request: HttpRequest, user: User, order: Order) -> None:
        standing.change_standing(user=user, is_active=is_active, is_staff=is_staff, **order._asdict())

    return run


LOCK = OperatorVerb(
    name="lock",
    label=_("Lock out"),
    question=_("Nobody can use the account until an operator lets the person in again."),
    run=_standing(is_active=False),
    done=_("Locked out: %(rows)s."),
    why_not=standing.why_not_lock,
    consequences=standing.of_locking,
)
UNLOCK = OperatorVerb(
    name="unlock",
    label=_("Let in again"),
    question=_("The person can sign in again."),
    run=_standing(is_active=True),
    done=_("Let in again: %(rows)s."),
    why_not=standing.why_not_unlock,
)
APPOINT = OperatorVerb(
    name="appoint",
    label=_("Make an operator"),
    question=_("The person may use the whole of /admin/, once they have a second factor."),
    run=_standing(is_staff=True),
    done=_("Operators now: %(rows)s."),
    why_not=standing.why_not_appoint,
    action=Action.APPOINT_OPERATORS,
    for_lists=False,
)
DISMISS = OperatorVerb(
    name="dismiss",
    label=_("Dismiss as an operator"),
    question=_("The person keeps the account."),
    run=_standing(is_staff=False),
    done=_("No operators any more: %(rows)s."),
    why_not=standing.why_not_dismiss,
    consequences=standing.of_dismissing,
    action=Action.APPOINT_OPERATORS,
    for_lists=False,
)


def ask_for_reset(_admin: OperatorAdmin, _request: HttpRequest, user: User, order: Order) -> None:
    factor_resets.ask(user=user, **order._asdict())


def agree_to_reset(_admin: OperatorAdmin, _request: HttpRequest, user: User, order: Order) -> None:
    factor_resets.agree(user=user, **order._asdict())


def refuse_reset(_admin: OperatorAdmin, _request: HttpRequest, user: User, order: Order) -> None:
    factor_resets.refuse(user=user, **order._asdict())


ASK_FOR_RESET = OperatorVerb(
    name="ask-for-factor-reset",
    label=_("Reset the second factor"),
    question=_("For a person who lost the second factor and the recovery codes, and has shown who they are."),
    run=ask_for_reset,
    done=_("Another operator has to agree: %(rows)s."),
    why_not=factor_resets.why_not_ask,
    consequences=factor_resets.of_asking,
    for_lists=False,
)
AGREE_TO_RESET = OperatorVerb(
    name="agree-to-factor-reset",
    label=_("Agree to the reset of the second factor"),
    question=_("Agree only if you know for yourself that it is this person who asks."),
    run=agree_to_reset,
    done=_("The second factor was taken away: %(rows)s."),
    why_not=factor_resets.why_not_answer,
    consequences=factor_resets.of_agreeing,
    for_lists=False,
)
REFUSE_RESET = OperatorVerb(
    name="refuse-factor-reset",
    label=_("Refuse the reset of the second factor"),
    question=_("The person keeps the second factor."),
    run=refuse_reset,
    done=_("The second factor is kept: %(rows)s."),
    why_not=factor_resets.why_not_answer,
    for_lists=False,
)


@admin.register(User)
class UserAdmin(OperatorAdmin):
    verbs = (LOCK, UNLOCK, APPOINT, DISMISS, ASK_FOR_RESET, AGREE_TO_RESET, REFUSE_RESET)
    list_display = ("username", "email", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("=id", "username", "email")
    ordering = ("-date_joined",)
    sortable_by = ("username",)
    sorts = (("username", Upper("username")),)
    fields = readonly_fields = (
        "user_id",
        "username",
        "email",
        "organizations",
        "date_joined",
        "last_login",
        "is_active",
        "is_staff",
    )

    @admin.display(description=_("user ID"))
    def user_id(self, user: User) -> int:
        return user.pk

    @admin.display(description=_("organizations"))
    def organizations(self, user: User) -> str:
        """Whom the person works for, in which role."""
        rows = user.memberships.select_related("organization").order_by("organization__name", "pk")
        return ", ".join(f"{row.organization} ({row.get_role_display()})" for row in rows) or "-"


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
    sortable_by = ("at",)
    list_select_related = ("organization", "actor", "actor_app")
    search_fields = ("target_id", "organization__name", "actor__username")
    fields = readonly_fields = (
        "at",
        "what",
        "organization",
        "actor",
        "actor_app",
        "ip",
        "user_agent",
        "about",
        "changes",
    )

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


def new_secret(admin: Any, request: HttpRequest, app: OAuthApp, order: Order) -> HttpResponse:
    secret = apps.rotate_secret(app=app, now=order.now, actor=order.actor)
    return cast("HttpResponse", admin.secret_page(request, app, secret))


def delete_app(_admin: OperatorAdmin, _request: HttpRequest, app: OAuthApp, order: Order) -> None:
    apps.delete_app(app=app, **order._asdict())


NEW_SECRET = OperatorVerb(
    name="new-secret",
    label=_("New secret"),
    question=_("The app gets a new client secret, shown once. The current secret works for 24 more hours."),
    run=new_secret,
    why_not=apps.why_not_by_operator,
    harms=False,
    for_lists=False,
)
DELETE_APP = OperatorVerb(
    name="delete-app",
    label=_("Delete with all tokens"),
    question=_("The app cannot be brought back."),
    run=delete_app,
    done=_("Deleted: %(rows)s."),
    why_not=apps.why_not_by_operator,
    consequences=apps.of_deleting,
)


class PlatformAppAdmin(OperatorAdmin):
    """The streaming platform's own apps; those of organizations are their owners' to change.

    Registered by the OAuth toolkit, which takes the class from the setting APPLICATION_ADMIN_CLASS.
    """

    form = PlatformAppForm
    may_add = may_edit = True
    list_display = ("name", "client_id", "owner", "created", "deleted_at")
    list_select_related = ("organization",)
    sortable_by = ("client_id", "created")
    sorts = (("created", "id"),)
    search_fields = ("name", "client_id", "organization__name")
    fields = ("name", "redirect_uris", "client_id", "owner")
    readonly_fields = ("client_id", "owner")
    verbs = (NEW_SECRET, DELETE_APP)

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
        return self.secret_page(request, obj, cast("WriteRequest", request).new_secret)

    def secret_page(self, request: HttpRequest, app: OAuthApp, secret: str) -> HttpResponse:
        """The one page that ever shows a secret: it is in no session, log or message."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Secret of %(app)s") % {"app": app.name},
            "opts": self.opts,
            "app": app,
            "secret": secret,
        }
        return TemplateResponse(request, "admin/secret.html", context)
