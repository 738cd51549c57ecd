from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from accounts.dashboard.access import member
from accounts.dashboard.base import OrganizationAdmin, OwnRelatedFilter, Verb, badge
from accounts.dashboard.sites import site
from accounts.models import parse_ulid
from fulfillment.domain import resending
from fulfillment.models import Attempt, Delivery, DeliveryState

STATE_TONES = {DeliveryState.PENDING: "wait", DeliveryState.DELIVERED: "good", DeliveryState.HELD: "bad"}


def resend(model_admin: DeliveryAdmin, request: HttpRequest, delivery: Delivery) -> None:
    try:
        resending.resend_delivery(delivery=delivery, actor=member(request), now=timezone.now())
    except resending.ResendRefused as refusal:
        raise ValidationError(str(refusal)) from refusal


def may_be_sent_again(delivery: Delivery, now: datetime) -> bool:
    return (
        delivery.claim_id is not None
        and delivery.lease_token is None
        and delivery.endpoint.deleted_at is None
    )


@admin.register(Delivery, site=site)
class DeliveryAdmin(OrganizationAdmin):
    organization_lookup = "endpoint__organization"
    route = "deliveries"
    label = "Deliveries"
    noun = "delivery"
    icon = "send"
    order = 40
    lede = "Every message to your servers, with every attempt."
    empty_text = "Each claim is delivered to your webhook endpoints, and you see here how."
    list_display = (
        "delivery_id",
        "state_now",
        "event_type",
        "endpoint",
        "attempt_count",
        "next_attempt_at",
        "created_at",
    )
    list_filter = (
        "state",
        ("endpoint", OwnRelatedFilter),
        ("claim__campaign", OwnRelatedFilter),
    )
    search_fields = ("id",)
    search_help_text = "Delivery ID or claim ID"
    ordering = ("-id",)
    fields = (
        "id",
        "state",
        "event_type",
        "endpoint",
        "claim",
        "attempt_count",
        "next_attempt_at",
        "delivered_at",
    )
    readonly_fields = fields
    change_form_template = "dashboard/delivery.html"
    verbs = (
        Verb(
            "resend",
            "Send again",
            "%s is sent once more, with the same id and the same bytes: a receiver that has it already answers 200.",
            "It is on its way.",
            resend,
            may_be_sent_again,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("endpoint", "claim")

    @admin.display(description="delivery")
    def delivery_id(self, delivery: Delivery) -> str:
        return format_html("<code>{}</code>", delivery.pk)

    @admin.display(description="state")
    def state_now(self, delivery: Delivery) -> str:
        state = DeliveryState(delivery.state)
        return badge(state.label, STATE_TONES[state])

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the whole id of a delivery or of its claim."""
        term = search_term.strip()
        if not term:
            return queryset, False
        ulid = parse_ulid(term)
        return (queryset.filter(Q(pk=ulid) | Q(claim=ulid)) if ulid else queryset.none()), False

    def title_of(self, obj: Delivery) -> str:
        return "Delivery"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        delivery: Delivery = kwargs["obj"]
        context["attempts"] = [
            (attempt, readable(attempt)) for attempt in delivery.attempts.order_by("-number")
        ]
        context["body"] = bytes(delivery.body).decode()
        return super().render_change_form(request, context, *args, **kwargs)


def readable(attempt: Attempt) -> str:
    """The answer's first bytes as text; JSON is laid out."""
    body = bytes(attempt.response_body)
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, TypeError):  # TypeError: nested too deeply to be laid out
        return body.decode("utf-8", "replace")
