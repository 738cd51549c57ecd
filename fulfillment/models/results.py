"""What campaigns brought, once nothing changes it any more."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from drops.models import Campaign


class CampaignResult(models.Model):
    """The final numbers of a campaign, without what was watched and claimed in test mode.

    `rewards`: by the id of each attached reward, how many viewers `reached` and `claimed` it.
    """

    campaign = models.OneToOneField(Campaign, on_delete=models.PROTECT, related_name="result")
    closed_at = models.DateTimeField()
    # Empty until all that counts has been counted.
    frozen_at = models.DateTimeField(null=True)
    viewers = models.PositiveIntegerField(default=0)
    minutes = models.PositiveBigIntegerField(default=0)
    rewards = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(
                fields=["closed_at"], condition=Q(frozen_at__isnull=True), name="campaign_result_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.viewers}"

    @property
    def reached(self) -> int:
        return sum(each["reached"] for each in self.rewards.values())

    @property
    def claimed(self) -> int:
        return sum(each["claimed"] for each in self.rewards.values())
