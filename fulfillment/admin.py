"""What platform operators see of deliveries at /admin/: never a private key."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import OperatorAdmin
from fulfillment.models import SigningKey, WebhookEndpoint


@admin.register(SigningKey)
class SigningKeyAdmin(OperatorAdmin):
    """Made and rotated by `manage.py create_signing_key`."""

    list_display = ("id", "published_at", "active_from", "retired_at")
    fields = readonly_fields = ("public_key", "created_at", "published_at", "active_from", "retired_at")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OperatorAdmin):
    list_display = ("url", "organization", "verified_at", "failing_since", "held_at", "deleted_at")
    list_select_related = ("organization",)
    search_fields = ("url", "organization__name")
