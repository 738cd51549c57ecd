"""The war room of a campaign: what was on its screen, minute by minute, and the links by which others look at it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ULIDField, new_ulid
from drops.models import Campaign


class CampaignMinute(models.Model):
    """The figures of a live campaign as they stood at `taken_at`, in this minute. A minute that nobody noted has no
    row, and gets none later. See fulfillment/domain/war_room."""

    # The constraint begins with it.
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="minutes", db_index=False)
    minute = models.DateTimeField()
    taken_at = models.DateTimeField()
    # Viewers of the streams that counted, and how many streams these were.
    watching = models.PositiveIntegerField()
    streams = models.PositiveIntegerField()
    # Of the campaign until then.
    seconds = models.PositiveBigIntegerField()
    viewers = models.PositiveIntegerField()
    reached = models.PositiveIntegerField()
    claims = models.PositiveIntegerField()
    # Claims of the sixty seconds before.
    claimed = models.PositiveIntegerField()
    # Deliveries. `many`: counting ended before all were counted, so that it were more.
    delivered = models.PositiveIntegerField()
    on_its_way = models.PositiveIntegerField()
    needs_you = models.PositiveIntegerField()
    many = models.BooleanField(default=False)
    oldest_seconds = models.PositiveIntegerField(null=True)
    # What `EndpointFigures` and `ChannelFigures` have, as lists.
    endpoints = models.JSONField(default=list)
    channels = models.JSONField(default=list)

    class Meta:
        ordering = ["minute"]
        constraints = [models.UniqueConstraint(fields=["campaign", "minute"], name="campaign_minute_once")]
        indexes = [models.Index(fields=["minute"], name="campaign_minute_by_age")]

    def __str__(self) -> str:
        return f"{self.campaign_id}, {self.minute:%Y-%m-%d %H:%M}"


class WarRoomLink(models.Model):
    """A link by which somebody without an account looks at the war room. Its token is stored hashed."""

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="war_room_links")
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("made"))
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("made_at")), name="war_room_link_expires_later"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)

    def is_open(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at
