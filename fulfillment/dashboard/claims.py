from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy as _

from accounts.dashboard.kit.access import active_organization, may, member
from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.scoping import OwnRelatedFilter
from accounts.dashboard.kit.sites import site
from accounts.dashboard.kit.verbs import Verb
from accounts.domain.permissions import Action
from fulfillment.dashboard.columns import link_to, short_id, status_badge
from fulfillment.dashboard.filters import PathFilter
from fulfillment.dashboard.live import LiveAdmin
from fulfillment.dashboard.sending import tell
from fulfillment.domain.claims.reading import search_claims
from fulfillment.domain.claims.reconciliation import expects_acknowledgement
from fulfillment.domain.claims.story import Moment, claim_timeline
from fulfillment.domain.delivery.resending import resend_claim
from fulfillment.domain.delivery.status import LISTED_CLAIMS, Step, claim_status, claims_in
from fulfillment.models import INITIATED, Claim, Delivery


def resend(model_admin: ClaimAdmin, request: HttpRequest, claim: Claim) -> None:
    now = timezone.now()
    for endpoint in resend_claim(claim=claim, actor=member(request), now=now):
        tell(request, count=1, endpoint=endpoint, now=now)


class DeliveryFilter(PathFilter):
    title = _("delivery")
    parameter_name = "delivery"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.wanted
        known = isinstance(wanted, Step) or wanted in LISTED_CLAIMS
        return claims_in(queryset, wanted) if wanted and known else queryset


class AnswerFilter(admin.SimpleListFilter):
    title = _("your status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("initiated", str(_("Initiated: your server has set no status"))),
            ("answered", str(_("Answered"))),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "initiated":
                return queryset.filter(external_status=INITIATED)
            case "answered":
                return queryset.exclude(external_status=INITIATED)
        return queryset


@admin.register(Claim, site=site)
class ClaimAdmin(LiveAdmin):
    see = Action.SEE_CLAIMS
    see_history = Action.SEE_SETUP  # it names endpoints
    change = Action.RESEND
    route = "claims"
    label = _("Claims")
    noun = _("claim")
    icon = "inbox"
    order = 30
    lede = _("Rewards that viewers have claimed, newest first.")
    empty_text = _("Claims appear here when viewers claim their rewards.")
    list_display = ("claim_id", "user_id", "reward", "campaign", "delivery", "status", "created_at")
    list_filter = (
        ("campaign", OwnRelatedFilter),
        ("reward", OwnRelatedFilter),
        DeliveryFilter,
        AnswerFilter,
    )
    search_fields = ("id",)
    in_search = True
    search_help_text = _("Claim ID or its last 8 characters, or user ID")
    ordering = ("-id",)
    sortable_by = ("created_at",)
    sorts = (("created_at", "id"),)
    fields = (
        "id",
        "user_id",
        "its_campaign",
        "its_reward",
        "delivery",
        "game_account_id",
        "external_id",
        "external_status",
        "created_at",
    )
    readonly_fields = fields
    change_list_template = "dashboard/claims.html"
    change_form_template = "dashboard/claim.html"
    part_template = "dashboard/claim_now.html"
    verbs = (
        Verb(
            name="resend",
            label=_("Send again"),
            question=(
                _(
                    "%(object)s is sent to all of your endpoints with the same ID and the same content. A server "
                    "that already has it answers 200."
                )
            ),
            run=resend,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super()
            .get_queryset(request)
            .select_related("reward", "campaign")
            .prefetch_related("deliveries__endpoint")
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search_claims(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        expected = expects_acknowledgement(organization=active_organization(request))
        return super().changelist_view(
            request, {"expects_acknowledgement": expected, **(extra_context or {})}
        )

    def title_of(self, obj: Claim) -> str:
        return str(_("Claim"))

    def deliveries_of(self, obj: Claim) -> Iterable[Delivery]:
        return obj.deliveries.all()

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        now = timezone.now()
        context["status"] = claim_status(kwargs["obj"].deliveries.all())
        story = claim_timeline(claim=kwargs["obj"], with_addresses=may(request, Action.SEE_SETUP))
        context["moments"] = [(moment, _tone(moment, now)) for moment in story]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("claim"), ordering="id")
    def claim_id(self, claim: Claim) -> str:
        return format_html("{}{}", short_id(claim.pk), _test_badge(claim))

    @admin.display(description=_("campaign"))
    def its_campaign(self, claim: Claim) -> str:
        return format_html("{}{}", link_to(claim.campaign), _test_badge(claim))

    @admin.display(description=_("reward"))
    def its_reward(self, claim: Claim) -> str:
        return link_to(claim.reward)

    @admin.display(description=_("delivery"))
    def delivery(self, claim: Claim) -> str:
        return status_badge(claim_status(claim.deliveries.all()))

    @admin.display(description=_("your status"))
    def status(self, claim: Claim) -> str:
        return badge(claim.external_status, "" if claim.external_status == INITIATED else "info")

    @admin.display(description=_("user ID"))
    def user_id(self, claim: Claim) -> int:
        return claim.viewer_id


def _test_badge(claim: Claim) -> str:
    return format_html(" {}", badge(gettext("Test mode"), "info")) if claim.test else ""


def _tone(moment: Moment, now: datetime) -> str:
    if moment.attempt is not None:
        return "good" if moment.attempt.succeeded else "bad"
    if moment.change is not None:
        return "info"
    return "wait" if moment.at > now else ""
