from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy as _

from accounts.dashboard.kit.access import active_organization, may, member
from accounts.dashboard.kit.scoping import OwnRelatedFilter
from accounts.dashboard.kit.sites import site
from accounts.dashboard.kit.verbs import Verb
from accounts.domain.permissions import Action
from config.ulid import SHORT
from fulfillment.dashboard.columns import (
    NOTHING,
    answer_badge,
    link_to,
    next_attempt_words,
    short_id,
    status_badge,
)
from fulfillment.dashboard.filters import LastAnswerFilter, PathFilter, TimeFilter
from fulfillment.dashboard.live import LiveAdmin
from fulfillment.dashboard.sending import tell
from fulfillment.domain.delivery import resending
from fulfillment.domain.delivery.exchanges import as_curl, compare, readable
from fulfillment.domain.delivery.reading import among_claims_of, search_deliveries, with_latest_attempts
from fulfillment.domain.delivery.status import DELIVERY_FILTERS, DeliveryStatus, delivery_status
from fulfillment.domain.delivery.words import LEGEND
from fulfillment.models import Attempt, Delivery


def resend(model_admin: DeliveryAdmin, request: HttpRequest, delivery: Delivery) -> None:
    now = timezone.now()
    resending.resend_delivery(delivery=delivery, actor=member(request), now=now)
    tell(request, count=1, endpoint=delivery.endpoint, now=now)


CAMPAIGN = "claim__campaign__id__exact"
CHANGELIST = "fulfillment_delivery_changelist"


class CampaignFilter(OwnRelatedFilter):
    """Deliveries of a campaign lie between its first claim and its last, however long ago that was."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = cast("QuerySet[Any]", super().queryset(request, queryset))
        if CAMPAIGN not in self.used_parameters:
            return found
        campaigns: Any = self.used_parameters[CAMPAIGN]
        return among_claims_of(found, campaigns)


class StatusFilter(PathFilter):
    also = (DeliveryStatus.FAILED_TEST,)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(DELIVERY_FILTERS[self.wanted]) if self.wanted else queryset


@admin.register(Delivery, site=site)
class DeliveryAdmin(LiveAdmin):
    see = Action.SEE_CLAIMS
    change = Action.RESEND
    organization_lookup = "endpoint__organization"
    route = "deliveries"
    label = _("Deliveries")
    noun = _("delivery")
    icon = "send"
    order = 40
    lede = _("Every message to your servers, with every attempt.")
    empty_text = _("This list shows how each claim is delivered to your webhook endpoints.")
    list_display_links = ("delivery_id",)
    list_display = (
        "delivery_id",
        "status",
        "last_answer",
        "address",
        "attempt_count",
        "next_attempt",
        "created_at",
    )
    list_filter = (
        StatusFilter,
        LastAnswerFilter,
        TimeFilter,
        ("claim__campaign", CampaignFilter),
        ("endpoint", OwnRelatedFilter),
    )
    search_fields = ("id",)
    in_search = True
    search_help_text = _("Delivery or claim ID or its last 8 characters, or user ID")
    ordering = ("-id",)
    fields = (
        "id",
        "status",
        "event_type",
        "its_endpoint",
        "its_claim",
        "attempt_count",
        "next_attempt",
        "delivered_at",
    )
    readonly_fields = (*fields, "server")
    change_list_template = "dashboard/deliveries.html"
    change_form_template = "dashboard/delivery.html"
    part_template = "dashboard/delivery_now.html"
    verbs = (
        Verb(
            name="resend",
            label=_("Send again"),
            question=(
                _(
                    "%(object)s is sent once more with the same ID and the same content. A server that already has "
                    "it answers 200."
                )
            ),
            run=resend,
            why_not=resending.why_not_resend,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        own = super().get_queryset(request)
        # Named one by one: of these the database knows how many deliveries each has, and chooses its way by it.
        endpoints = active_organization(request).webhook_endpoints.values_list("pk", flat=True)
        own = own.filter(endpoint__in=list(endpoints))
        return with_latest_attempts(own.select_related("endpoint", "claim"))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Deliveries of a campaign are found by its claims, in their order."""
        return ("-claim_id", "-id") if CAMPAIGN in request.GET else self.ordering

    # Whoever may not see endpoints is told their hosts alone.

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        shown: tuple[str, ...] = self.list_display
        if not may(request, Action.SEE_SETUP):
            shown = tuple("server" if name == "address" else name for name in shown)
        is_list = request.resolver_match is not None and request.resolver_match.url_name == CHANGELIST
        return ("choose", *shown) if is_list and may(request, Action.RESEND_MANY) else shown

    def get_list_filter(self, request: HttpRequest) -> Any:
        if may(request, Action.SEE_SETUP):
            return self.list_filter
        return [each for each in self.list_filter if each != ("endpoint", OwnRelatedFilter)]

    def get_fields(self, request: HttpRequest, obj: Delivery | None = None) -> tuple[str, ...]:
        if may(request, Action.SEE_SETUP):
            return self.fields
        return tuple("server" if name == "its_endpoint" else name for name in self.fields)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in TimeFilter.BOUNDS or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("choose"))
    def choose(self, delivery: Delivery) -> str:
        """A box of the form below the list."""
        box = '<input type="checkbox" name="id" value="{}" form="chosen" aria-label="{}">'
        return format_html(box, delivery.pk, gettext("Choose %(id)s") % {"id": delivery.pk[-SHORT:]})

    @admin.display(description=_("endpoint"))
    def address(self, delivery: Delivery) -> str:
        """On one line of the list, however long."""
        return format_html('<span class="cut" title="{0}">{0}</span>', str(delivery.endpoint))

    @admin.display(description=_("endpoint"))
    def server(self, delivery: Delivery) -> str:
        return delivery.endpoint.server

    @admin.display(description=_("delivery"))
    def delivery_id(self, delivery: Delivery) -> str:
        if delivery.phase_change_id is not None:
            return format_html(
                '{} <span class="muted small">{}</span>', short_id(delivery.pk), _("campaign event")
            )
        if delivery.claim_id is None:
            return format_html('{} <span class="muted small">{}</span>', short_id(delivery.pk), _("test"))
        return short_id(delivery.pk)

    @admin.display(description=_("state"))
    def status(self, delivery: Delivery) -> str:
        return status_badge(delivery_status(delivery))

    @admin.display(description=_("endpoint"))
    def its_endpoint(self, delivery: Delivery) -> str:
        is_there = delivery.endpoint.deleted_at is None
        return (
            link_to(delivery.endpoint)
            if is_there
            else _("%(endpoint)s (deleted)") % {"endpoint": delivery.endpoint}
        )

    @admin.display(description=_("claim"))
    def its_claim(self, delivery: Delivery) -> str:
        return link_to(delivery.claim) if delivery.claim else NOTHING

    @admin.display(description=_("last answer"))
    def last_answer(self, delivery: Any) -> str:
        return answer_badge(delivery.latest_attempts)

    @admin.display(description=_("next attempt"))
    def next_attempt(self, delivery: Delivery) -> str:
        return next_attempt_words(delivery, timezone.now())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_deliveries(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"legend": LEGEND, **(extra_context or {})})

    def title_of(self, obj: Delivery) -> str:
        return str(_("Delivery"))

    def deliveries_of(self, obj: Delivery) -> Iterable[Delivery]:
        return [obj]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        delivery: Delivery = kwargs["obj"]
        context["attempts"] = [
            (attempt, readable(attempt.response_body), _curl(request, delivery, attempt))
            for attempt in delivery.attempts.order_by("-number")
        ]
        context["has_query"] = delivery.endpoint.url != delivery.endpoint.address
        context["status"] = delivery_status(delivery)
        context["body"] = bytes(delivery.body).decode()
        return super().render_change_form(request, context, *args, **kwargs)


def _curl(request: HttpRequest, delivery: Delivery, attempt: Attempt) -> str:
    """The request as a command, for those who see requests; "" where none was made. The query of the URL, where
    secrets are, stands in no page but the endpoint's form: it is left out."""
    if not attempt.request_headers or not may(request, Action.SEE_SETUP):
        return ""
    return as_curl(url=attempt.url, headers=attempt.request_headers, body=delivery.body)


@site.page("deliveries/<path:object_id>/compare/", name="delivery_compare", action=Action.SEE_SETUP)
def delivery_compare(request: HttpRequest, object_id: str) -> HttpResponse:
    """Two attempts of a delivery side by side: the last two, or those that were chosen."""
    model_admin = site.admin_of(Delivery)
    delivery: Delivery = model_admin.object_or_404(request, unquote(object_id))
    attempts = {str(attempt.number): attempt for attempt in delivery.attempts.order_by("number")}
    last_two = [*attempts][-2:]
    first, second = (
        (
            attempts.get(request.GET.get(name, ""), attempts[number])
            for name, number in zip(("first", "second"), last_two, strict=False)
        )
        if len(last_two) == 2
        else (None, None)
    )
    context = {
        **site.each_context(request),
        "title": _("Compare two attempts"),
        "delivery": delivery,
        "attempts": attempts.values(),
        "first": first,
        "pair": (first, second),
        "second": second,
        "comparison": compare(first, second) if first and second else None,
        "back": model_admin.url_of(delivery),
        "list_url": model_admin.url("changelist"),
    }
    return render(request, "dashboard/compare.html", context)
