"""What the organization's servers asked of the API in the last days, and what they were answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _, ngettext

from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.scoping import OwnRelatedFilter
from accounts.dashboard.kit.sites import site
from accounts.domain import api_calls
from accounts.domain.permissions import Action
from accounts.models import ApiCall, StatusClass
from accounts.templatetags.dashboard import to_the_second

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

TONES = {StatusClass.SUCCEEDED: "good", StatusClass.REFUSED: "wait", StatusClass.FAILED: "bad"}
# Of a request ID, in the list.
SHORT = 8
# Where apps of organizations call.
PREFIXES = ("public/", "api/", "viewer/", "oauth/token", "oauth/revoke")


class ClassFilter(admin.SimpleListFilter):
    title = _("answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, StrOrPromise]]:
        return [(str(each.value), each.label) for each in StatusClass]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status_class=self.value()) if self.value() in self._known else queryset

    @property
    def _known(self) -> set[str]:
        return {str(each.value) for each in StatusClass}


class RouteFilter(admin.SimpleListFilter):
    title = _("address")
    parameter_name = "route"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(route, route) for route in _routes()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(route=self.value()) if self.value() in _routes() else queryset


class TimeFilter(admin.SimpleListFilter):
    """The last minutes, or one of the days that are kept."""

    title = _("time")
    parameter_name = "time"
    last = (
        ("15m", _("The last 15 minutes"), timedelta(minutes=15)),
        ("1h", _("The last hour"), timedelta(hours=1)),
        ("24h", _("The last 24 hours"), timedelta(days=1)),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, StrOrPromise]]:
        days = [_midnight(timezone.now()) - timedelta(days=ago) for ago in range(api_calls.KEPT.days + 1)]
        return [(name, words) for name, words, _length in self.last] + [
            (f"{day:%Y-%m-%d}", dateformat.format(day, "j M Y")) for day in days
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        for name, _words, length in self.last:
            if name == chosen:
                return queryset.filter(**api_calls.between(timezone.now() - length))
        if chosen not in dict(self.lookup_choices):
            return queryset
        day = _midnight(datetime.fromisoformat(str(chosen)).replace(tzinfo=timezone.now().tzinfo))
        return queryset.filter(**api_calls.between(day, day + timedelta(days=1)))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


@admin.register(ApiCall, site=site)
class ApiCallAdmin(OrganizationAdmin):
    see = Action.SEE_SETUP
    change = Action.CHANGE_APPS
    route = "requests"
    label = _("API requests")
    noun = _("API request")
    icon = "code"
    order = 85
    lede = _("What your servers asked in the last 7 days. Bodies, secrets and tokens are not kept.")
    empty_text = _(
        "Each request that your servers make to the API, or for a token, is listed here within seconds."
    )
    has_history = False
    in_search = True
    list_display = ("when", "asked", "answered", "duration", "error", "short_request_id", "app")
    list_display_links = ("asked",)
    list_filter = (ClassFilter, TimeFilter, RouteFilter, ("app", OwnRelatedFilter))
    list_select_related = ("app",)
    search_fields = ("request_id",)
    search_help_text = _("Request ID (X-Request-ID of the answer)")
    fields = ("when", "asked", "answered", "milliseconds", "error", "request_id", "app", "kind")
    readonly_fields = fields

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        api_calls.flush()
        return super().changelist_view(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(request_id=term) if term else queryset), False

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """In the file, the whole ID."""
        if request.path != self.url("export"):
            return self.list_display
        return tuple("request_id" if name == "short_request_id" else name for name in self.list_display)

    def title_of(self, obj: ApiCall) -> str:
        return self.asked(obj)

    @admin.display(description=_("when"))
    def when(self, call: ApiCall) -> str:
        return to_the_second(call.at)

    @admin.display(description=_("request"))
    def asked(self, call: ApiCall) -> str:
        """Of too many in one minute: how many are not listed."""
        if call.more:
            text = ngettext(
                "and %(count)s more in this minute", "and %(count)s more in this minute", call.more
            )
            return text % {"count": f"{call.more:,}"}
        return f"{call.method} {call.path}"

    @admin.display(description=_("duration (ms)"))
    def duration(self, call: ApiCall) -> str | int:
        return "" if call.more else call.milliseconds

    @admin.display(description=_("request ID"))
    def short_request_id(self, call: ApiCall) -> str:
        if len(call.request_id) <= SHORT + 1:
            return call.request_id
        return format_html(
            '<span title="{}" class="nowrap">{}…</span>', call.request_id, call.request_id[:SHORT]
        )

    @admin.display(description=_("answer"))
    def answered(self, call: ApiCall) -> str:
        words = StatusClass(call.status_class)
        if call.more:
            return badge(words.label, TONES[words])
        return format_html(
            '<span>{} <span translate="no">{}</span></span>',
            badge(str(call.status), TONES[words]),
            call.phrase,
        )


@cache
def _routes() -> tuple[str, ...]:
    """The addresses of the API that an organization's app may call, as the documents write them."""
    found = (api_calls.route_as_documented(route) for route in _walk(get_resolver().url_patterns))
    return tuple(sorted(set(found)))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, route)
        elif route.startswith(PREFIXES):
            yield route
