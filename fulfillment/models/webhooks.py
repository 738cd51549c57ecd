"""How claims reach a studio's server: endpoints, deliveries, attempts, signing keys."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from accounts.models import Organization, ULIDField, new_ulid

from .claims import Claim


class WebhookEndpoint(models.Model):
    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.URLField("URL", max_length=500)
    enabled = models.BooleanField(default=True)
    held_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "url"],
                condition=Q(deleted_at__isnull=True),
                name="webhook_endpoint_url_once",
                violation_error_message="There is an endpoint with this URL already.",
            )
        ]

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Waiting"
    DELIVERED = "delivered", "Delivered"
    HELD = "held", "Held"


class Delivery(models.Model):
    """One message to one endpoint: the record of it; a task is only the nudge."""

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    claim = models.ForeignKey(
        Claim, on_delete=models.PROTECT, null=True, blank=True, related_name="deliveries"
    )
    event_type = models.CharField(max_length=64)
    body = models.BinaryField(help_text="The bytes that are signed and sent, the same on every attempt.")
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.PENDING)
    attempt_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_token = ULIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["claim", "endpoint"],
                condition=Q(claim__isnull=False),
                name="delivery_one_per_claim_and_endpoint",
            ),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.DELIVERED, delivered_at__isnull=False)
                | (~Q(state=DeliveryState.DELIVERED) & Q(delivered_at__isnull=True)),
                name="delivery_delivered_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state=DeliveryState.PENDING), name="delivery_due"
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_by_endpoint"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Attempt(models.Model):
    """One request of a delivery, or one that a crash cut short. Kept whatever came of it."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    trigger = models.CharField(max_length=16)
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_class = models.CharField(max_length=32, blank=True)
    request_headers = models.JSONField(default=dict)
    response_headers = models.JSONField(default=dict)
    response_body = models.BinaryField(default=bytes)

    class Meta:
        ordering = ["delivery", "number"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number}"


class SigningKey(models.Model):
    """An RSA key that webhooks are signed with. `private_key` is encrypted; empty where a file holds it."""

    public_key = models.TextField(help_text="SPKI PEM")
    private_key = models.BinaryField(default=bytes, editable=False)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(help_text="From when it is the published key.")
    active_from = models.DateTimeField(help_text="From when webhooks are signed with it.")
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-active_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(active_from__gte=F("published_at")), name="signing_key_published_first"
            )
        ]

    def __str__(self) -> str:
        return f"Key {self.pk}"
