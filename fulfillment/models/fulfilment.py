"""What became of claims by the hour: how long they took to arrive, and until their studio acknowledged them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from drops.models import Campaign

from .endpoints import WebhookEndpoint


class FulfilmentStep(models.TextChoices):
    ARRIVED = "arrived", _("Arrived")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")


class FulfilmentHour(models.Model):
    """Claims of a campaign that took a step at an endpoint in one hour, of those that took a like time for it: see
    fulfillment/domain/analytics/fulfilment.py.

    Arrived: in the hour of the attempt that arrived, the time since the first attempt. Acknowledged: in the hour of
    the first status that the studio set, the time since the claim had arrived there; without an endpoint, of claims
    that had arrived nowhere, the time since the claim.
    """

    # The constraints begin with it.
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="fulfilment_hours", db_index=False
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, related_name="fulfilment_hours", null=True, db_index=False
    )
    hour = models.DateTimeField()
    step = models.CharField(max_length=16, choices=FulfilmentStep)
    # The upper end of the bucket; 0 of the last one, which has none.
    within_ms = models.PositiveBigIntegerField()
    claims = models.PositiveIntegerField()
    # Attempts after the first.
    retries = models.PositiveIntegerField(default=0)
    # Claims that arrived by the first attempt.
    at_once = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "hour", "endpoint", "step", "within_ms"], name="fulfilment_hour_once"
            ),
            models.UniqueConstraint(
                fields=["campaign", "hour", "step", "within_ms"],
                condition=Q(endpoint__isnull=True),
                name="fulfilment_hour_once_elsewhere",
            ),
            models.CheckConstraint(
                condition=Q(step__in=FulfilmentStep.values), name="fulfilment_hour_step_known"
            ),
            models.CheckConstraint(
                condition=Q(endpoint__isnull=False) | Q(step=FulfilmentStep.ACKNOWLEDGED),
                name="fulfilment_hour_arrived_somewhere",
            ),
        ]
        indexes = [models.Index(fields=["hour"], name="fulfilment_hour_by_hour")]

    def __str__(self) -> str:
        return f"{self.campaign_id} at {self.endpoint_id}, {self.hour:%Y-%m-%d %H}h: {self.step}"


class CountedUntil(models.Model):
    """How far the clock has counted something: `until`; of that, hours before `whole` once they were over."""

    name = models.CharField(max_length=32, primary_key=True)
    whole = models.DateTimeField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} until {self.until:%Y-%m-%d %H:%M:%S}"
