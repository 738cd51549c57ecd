"""Who watched what, for how long, and what it counts for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from .campaigns import Campaign
from .catalogue import Channel, Livestream


class Progress(models.Model):
    """A viewer's watch time for a campaign, in seconds: one counter, every reward is a threshold on it."""

    viewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="progress")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="progress")
    seconds = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "progress"
        constraints = [
            models.UniqueConstraint(fields=["viewer", "campaign"], name="progress_one_per_viewer"),
            models.CheckConstraint(condition=Q(seconds__gte=0), name="progress_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.viewer}, {self.campaign}: {self.minutes} min"

    @property
    def minutes(self) -> int:
        """Whole minutes, as shown to viewers and partners."""
        return self.seconds // 60


class WatchInterval(models.Model):
    """One visit of a viewer to a channel, as long as nothing about it changes.

    Either it counted (`reason` empty) or `reason` says why not.
    """

    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="watch_intervals"
    )
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="watch_intervals")
    livestream = models.ForeignKey(
        Livestream, on_delete=models.PROTECT, null=True, blank=True, related_name="watch_intervals"
    )
    started_at = models.DateTimeField()
    last_beat_at = models.DateTimeField()
    credited_seconds = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=32, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["viewer", "-started_at"], name="watch_interval_by_viewer"),
            models.Index(fields=["last_beat_at"], name="watch_interval_by_age"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_beat_at__gte=F("started_at")), name="watch_interval_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.viewer} on {self.channel}"
