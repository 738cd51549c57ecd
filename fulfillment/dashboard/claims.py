from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.dashboard.base import OrganizationAdmin
from accounts.dashboard.sites import site
from fulfillment.models import Claim


@admin.register(Claim, site=site)
class ClaimAdmin(OrganizationAdmin):
    route = "claims"
    label = "Claims"
    icon = "inbox"
    order = 30
    lede = "Rewards that viewers took, newest first."
    empty_text = "Claims come in here as viewers take what they have earned."
    list_display = ("id", "viewer_id", "reward", "campaign", "external_status", "created_at")
    list_select_related = ("reward", "campaign")
    list_filter = (
        ("campaign", admin.RelatedOnlyFieldListFilter),
        ("reward", admin.RelatedOnlyFieldListFilter),
        "external_status",
    )
    search_fields = ("=id", "=viewer__id")
    search_help_text = "Claim ID or user ID"
    ordering = ("-id",)
    fields = ("id", "viewer_id", "campaign", "reward", "external_id", "external_status", "created_at")
    readonly_fields = fields
    change_form_template = "dashboard/claim.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("organization", "reward", "campaign")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        claim: Claim = kwargs["obj"]
        context["deliveries"] = claim.deliveries.select_related("endpoint").prefetch_related("attempts")
        context["status_changes"] = claim.status_changes.all()
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="user ID")
    def viewer_id(self, claim: Claim) -> int:
        return claim.viewer_id
