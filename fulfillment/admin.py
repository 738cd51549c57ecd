"""What platform operators see of claims and deliveries at /admin/: never a private key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _, ngettext

from accounts.admin import OperatorAdmin
from accounts.admin.verbs import OperatorVerb, Order
from config import metrics
from config.csv_lines import csv_lines
from fulfillment.domain import platform
from fulfillment.domain.analytics import platform_figures
from fulfillment.domain.analytics.tables import Table
from fulfillment.domain.claims.reading import search_claims
from fulfillment.domain.delivery import endpoints, signing, status
from fulfillment.domain.delivery.reading import search_deliveries
from fulfillment.models import Attempt, Claim, Delivery, SigningKey, WebhookEndpoint

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class ReadOnlyInline(admin.TabularInline):
    can_delete = False
    extra = 0
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DeliveryInline(ReadOnlyInline):
    model = Delivery
    fields = readonly_fields = ("id", "endpoint", "state", "attempt_count", "next_attempt_at", "delivered_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("endpoint")


@admin.register(Claim)
class ClaimAdmin(OperatorAdmin):
    list_display = ("id", "organization", "viewer", "campaign", "reward", "external_status", "created_at")
    list_select_related = ("organization", "viewer", "campaign", "reward")
    sortable_by = ("id",)
    search_fields = ("id",)
    search_help_text = _("A whole claim ID or user ID")
    fields = readonly_fields = (*list_display, "game_account_id", "external_id", "updated_at")
    inlines = (DeliveryInline,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_claims(queryset, search_term), False


class AttemptInline(ReadOnlyInline):
    model = Attempt
    show_change_link = False
    fields = readonly_fields = (
        "number",
        "started_at",
        "url",
        "trigger",
        "status",
        "error_class",
        "details",
        "duration_ms",
    )

    @admin.display(description=_("details"))
    def details(self, attempt: Attempt) -> str:
        return format_html('<code lang="en">{}</code>', attempt.error)


class DueFilter(admin.SimpleListFilter):
    """What the workers have before them: only deliveries that are pending are read for it."""

    title = _("what is due")
    parameter_name = "due"
    rules: ClassVar[dict[str, tuple[StrOrPromise, Callable[[datetime], Q]]]] = {
        "now": (_("Due now"), status.due),
        "in_flight": (_("On its way"), status.in_flight),
        "crashed": (_("Its worker crashed"), status.crashed),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, StrOrPromise]]:
        return [(name, words) for name, (words, _rule) in self.rules.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        chosen = self.value()
        if chosen not in self.rules:
            return queryset
        return queryset.filter(self.rules[chosen][1](timezone.now()))


@admin.register(Delivery)
class DeliveryAdmin(OperatorAdmin):
    list_display = (
        "id",
        "organization",
        "endpoint",
        "state",
        "attempt_count",
        "claim",
        "next_attempt_at",
        "delivered_at",
    )
    list_filter = (DueFilter,)
    list_select_related = ("endpoint__organization", "claim")
    sortable_by = ("id",)
    search_fields = ("id",)
    search_help_text = _("A whole delivery ID or claim ID")
    fields = readonly_fields = (*list_display, "event_type", "created_at")
    inlines = (AttemptInline,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_deliveries(queryset, search_term), False

    @admin.display(description=_("organization"))
    def organization(self, delivery: Delivery) -> str:
        return str(delivery.endpoint.organization)


def rotate(_admin: OperatorAdmin, _request: HttpRequest, key: SigningKey, order: Order) -> None:
    signing.rotate(key=key, **order._asdict())


ROTATE = OperatorVerb(
    name="rotate",
    label=_("Rotate"),
    question=_("Webhooks are signed with a new key, two hours from now. No claim is lost meanwhile."),
    run=rotate,
    done=_("A new key is published. It follows key %(rows)s."),
    why_not=signing.why_not_rotate,
    consequences=signing.of_rotating,
    for_lists=False,
)


@admin.register(SigningKey)
class SigningKeyAdmin(OperatorAdmin):
    """The first key is made by `manage.py create_signing_key`; the page of the newest one rotates it."""

    verbs = (ROTATE,)
    list_display = ("id", "state", "age", "active_from", "retired_at", "fetched")
    fields = readonly_fields = (
        "state",
        "age",
        "fetched",
        "public_key",
        "created_at",
        "published_at",
        "active_from",
        "retired_at",
    )

    @admin.display(description=_("state"))
    def state(self, key: SigningKey) -> StrOrPromise:
        return signing.state_of(key, timezone.now()).label

    @admin.display(description=_("age"))
    def age(self, key: SigningKey) -> str:
        days = max(0, (timezone.now() - key.created_at).days)
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}

    @admin.display(description=_("last fetched by a receiver"))
    def fetched(self, key: SigningKey) -> str:
        at = signing.last_fetch(key)
        return formats.localize(timezone.localtime(at)) if at else "-"


def hold(_admin: OperatorAdmin, _request: HttpRequest, endpoint: WebhookEndpoint, order: Order) -> None:
    endpoints.hold_by_operator(endpoint=endpoint, **order._asdict())


def release(_admin: OperatorAdmin, _request: HttpRequest, endpoint: WebhookEndpoint, order: Order) -> None:
    endpoints.release_by_operator(endpoint=endpoint, **order._asdict())


HOLD = OperatorVerb(
    name="hold",
    label=_("Hold"),
    question=_("Nothing is sent to the endpoint until an operator releases it."),
    run=hold,
    done=_("Held: %(rows)s."),
    why_not=endpoints.why_not_hold_by_operator,
    consequences=endpoints.of_holding,
)
RELEASE = OperatorVerb(
    name="release",
    label=_("Release"),
    question=_("Everything that waits for the endpoint is sent at once, whoever held it."),
    run=release,
    done=_("Released: %(rows)s."),
    why_not=endpoints.why_not_release_by_operator,
)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OperatorAdmin):
    verbs = (HOLD, RELEASE)
    list_display = ("__str__", "organization", "verified_at", "failing_since", "held_at", "deleted_at")
    list_select_related = ("organization",)
    search_fields = ("organization__name",)
    fields = readonly_fields = (
        "address",
        *list_display[1:],
        "held_reason",
        "breaker_open_until",
        "acknowledge_within_hours",
        "created_at",
    )

    @admin.display(description=_("URL"))
    def address(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.address


def health(request: HttpRequest) -> HttpResponse:
    """How Drops itself does, at this moment: few seconds old, however many operators ask."""
    now = timezone.now()
    found = metrics.readings(now)
    context = {
        **admin.site.each_context(request),
        "title": _("Health"),
        "answers": platform.answers(found),
        "silent_parts": platform.silent_parts(found),
        "servers": platform.servers_down(now),
        "most": platform.MOST_SERVERS,
        "now": now,
    }
    return render(request, "admin/health.html", context)


WEEKS = (4, 12, 26)


def figures(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Campaigns, studios, channels and categories by what they brought, and the platform's growth by week."""
    weeks = next((weeks for weeks in WEEKS if request.GET.get("weeks") == str(weeks)), WEEKS[0])
    kind = request.GET.get("of", "")
    sort = request.GET.get("sort", "")
    kind = kind if kind in platform_figures.KINDS else platform_figures.KINDS[0]
    sort = sort if sort in platform_figures.SORTS else platform_figures.SORTS[0]
    now = timezone.now()
    since = platform_figures.monday_of(now) - (weeks - 1) * platform_figures.WEEK
    if request.GET.get("csv") == "growth":
        grown = platform_figures.growth(weeks=weeks, now=now)
        return _csv("growth", platform_figures.growth_table(grown))
    rows = platform_figures.ranking(kind=kind, sort=sort, since=since)
    if request.GET.get("csv"):
        return _csv(kind, platform_figures.ranking_table(rows))
    context = {
        **admin.site.each_context(request),
        "title": _("Figures"),
        "growth": reversed(platform_figures.growth(weeks=weeks, now=now)),
        "rows": rows,
        "kind": kind,
        "sort": sort,
        "weeks": weeks,
        "periods": WEEKS,
        "kinds": _KINDS,
        "sorts": _SORTS,
        "most": platform_figures.MOST,
    }
    return render(request, "admin/figures.html", context)


_KINDS = (
    ("campaigns", _("Campaigns")),
    ("studios", _("Studios")),
    ("channels", _("Channels")),
    ("categories", _("Categories")),
)
_SORTS = (
    ("minutes", _("Minutes")),
    ("new_viewers", _("New viewers")),
    ("claims", _("Claims")),
    ("arrived", _("Arrived")),
    ("retries", _("Retries")),
)


def _csv(name: str, table: Table) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        csv_lines(table.with_head()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
