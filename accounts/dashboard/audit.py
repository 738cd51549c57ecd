from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy as _

from accounts.admin_base import ObjectFilter, changes_html, target_words
from accounts.audit_words import action_words
from accounts.dashboard.kit.access import active_organization
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action, operator_rights
from accounts.models import OF_VIEWERS, AuditEvent
from accounts.templatetags.dashboard import to_the_second

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class AboutFilter(ObjectFilter):
    """Without a choice: what the team did. Viewers connect and agree by the hundred thousand, and have an entry of
    their own."""

    objects: ClassVar[dict[str, StrOrPromise]] = {
        name: label for name, label in ObjectFilter.objects.items() if name not in ("consent", "link")
    } | {"viewers": _("Viewers")}

    def choices(self, changelist: Any) -> Any:
        everything, *others = super().choices(changelist)
        yield {**everything, "display": _("The team")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # Only the list asks this; every event's own page stays reachable.
        if self.value() == "viewers":
            return queryset.filter(action__in=OF_VIEWERS)
        if self.value() is None and request.GET.get(
            SEARCH_VAR
        ):  # an ID finds all that happened to the object
            return queryset
        return super().queryset(request, queryset.exclude(action__in=OF_VIEWERS))


class PersonFilter(admin.SimpleListFilter):
    """By who did it: the members of today, and the apps."""

    title = _("who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        organization = active_organization(request)
        members = organization.memberships.select_related("user").order_by("user__username")
        return [
            *((f"user-{member.user_id}", str(member.user)) for member in members),
            *((f"app-{app.pk}", str(app)) for app in organization.oauth_apps.order_by("name")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen not in dict(self.lookup_choices):
            return queryset
        kind, _separator, key = str(chosen).partition("-")
        return queryset.filter(**{"actor" if kind == "user" else "actor_app": key})


class TimeFilter(admin.SimpleListFilter):
    title = _("time")
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, StrOrPromise]]:
        return [
            ("1", _("The last 24 hours")),
            ("7", _("The last 7 days")),
            ("30", _("The last 30 days")),
            ("90", _("The last 90 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(at__gte=timezone.now() - timedelta(days=int(str(chosen))))


@admin.register(AuditEvent, site=site)
class AuditEventAdmin(OrganizationAdmin):
    see = Action.SEE_MEMBERS
    change = Action.CHANGE_MEMBERS
    route = "audit-log"
    label = _("Audit log")
    noun = _("audit event")
    icon = "list"
    order = 100
    lede = _("Who did what, and when. Nobody can change the audit log.")
    empty_text = _("Everything that you and your colleagues do here is recorded.")
    has_history = False
    list_display = ("when", "what", "who", "whence", "target_id")
    list_display_links = ("what",)
    sortable_by = ("when",)
    sorts = (("when", "at"),)
    list_filter = (AboutFilter, PersonFilter, TimeFilter)
    search_fields = ("target_id",)
    search_help_text = _("ID of a campaign, reward, endpoint or another object")
    fields = ("when", "what", "who", "whence", "browser", "about", "changes")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("actor", "actor_app")

    def title_of(self, obj: AuditEvent) -> str:
        return self.what(obj)

    @admin.display(description=_("when"))
    def when(self, event: AuditEvent) -> str:
        return to_the_second(event.at)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(target_id=term) if term else queryset), False

    # Where the platform's own people were is none of a studio's business.

    @admin.display(description=_("IP address"))
    def whence(self, event: AuditEvent) -> str:
        return "" if _by_operator(event) else event.ip or ""

    @admin.display(description=_("browser"))
    def browser(self, event: AuditEvent) -> str:
        return "" if _by_operator(event) else event.user_agent

    @admin.display(description=_("what"))
    def what(self, event: AuditEvent) -> str:
        return action_words(event.action)

    @admin.display(description=_("changes"))
    def changes(self, event: AuditEvent) -> str:
        return changes_html(event)

    @admin.display(description=_("object"))
    def about(self, event: AuditEvent) -> str:
        """Its kind and id, and the way to its page as long as there is one."""
        name = target_words(event)
        page = getattr(event, "page", "")
        return format_html('<a href="{}">{}</a>', page, name) if page else name

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        event: AuditEvent = kwargs["obj"]
        shown_by = self.admin_site._registry.get(apps.get_model(event.target_type))
        if isinstance(shown_by, OrganizationAdmin) and (
            found := shown_by.get_object(request, event.target_id)
        ):
            cast("Any", event).page = shown_by.url_of(found)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("who"))
    def who(self, event: AuditEvent) -> str:
        """Viewers go by their user ID, as in the list of claims."""
        if event.actor is not None and event.action in OF_VIEWERS:
            return gettext("Viewer %(id)d") % {"id": event.actor.pk}
        return str(event.actor or event.actor_app or _("the system"))


def _by_operator(event: AuditEvent) -> bool:
    return event.actor is not None and Action.OPERATE in operator_rights(event.actor)
