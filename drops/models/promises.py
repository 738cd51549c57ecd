"""What viewers were promised, and when that changed."""

from __future__ import annotations

from django.db import models

from .campaigns import Campaign


class Promise(models.Model):
    """One entry of a campaign's promise log. Append-only: never changed, never deleted.

    `text` is the entry as it is published, in canonical JSON. It names the hash of the entry before it, so that an
    entry that is missing, or was changed, shows.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="promises", db_index=False)
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    text = models.TextField()
    # SHA-256 of `text`, in hexadecimal.
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["campaign", "number"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="promise_numbered_once"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="promise_numbered_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.number}"
