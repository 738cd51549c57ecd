from __future__ import annotations

from typing import Any

import orjson
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.dashboard.base import OrganizationAdmin
from accounts.dashboard.sites import site
from fulfillment.models import Attempt, Delivery


@admin.register(Delivery, site=site)
class DeliveryAdmin(OrganizationAdmin):
    organization_lookup = "endpoint__organization"
    route = "deliveries"
    label = "Deliveries"
    icon = "send"
    order = 40
    lede = "Every message to your servers, with every attempt."
    empty_text = "Each claim is delivered to your webhook endpoints, and you see here how."
    list_display = ("id", "state", "event_type", "endpoint", "attempt_count", "next_attempt_at", "created_at")
    list_select_related = ("endpoint",)
    list_filter = (
        "state",
        ("endpoint", admin.RelatedOnlyFieldListFilter),
        ("claim__campaign", admin.RelatedOnlyFieldListFilter),
    )
    search_fields = ("=id", "=claim__id")
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("endpoint__organization", "claim")

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
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
