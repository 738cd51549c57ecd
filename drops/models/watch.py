"""Who watched what, for how long, and what it counts for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.rounding import whole_minutes

from .campaigns import Campaign
from .catalogue import Category, Channel, Livestream
from .fields import MomentField


class Progress(models.Model):
    """A viewer's watch time for a campaign, in seconds: one counter, every reward is a threshold on it."""

    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="progress", db_index=False
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="progress")
    seconds = models.PositiveIntegerField(default=0)
    test_seconds = models.PositiveIntegerField(
        default=0,
        help_text=_("Those of the seconds that were watched in test mode. They earn, and are in no figure."),
    )
    # Before claims closed the viewer saw the studio's consent page, or was linked.
    saw_connect_page = models.BooleanField(default=False, db_default=False)
    # The seconds outside test mode that the viewer had when the studio's link was first seen, 0 for who began with
    # one. None: never linked before claims closed. A link that ended since changes nothing.
    seconds_when_linked = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = _("progress")
        constraints = [
            models.UniqueConstraint(fields=["viewer", "campaign"], name="progress_one_per_viewer"),
            models.CheckConstraint(condition=Q(seconds__gte=0), name="progress_not_negative"),
            models.CheckConstraint(
                condition=Q(test_seconds__lte=F("seconds")), name="progress_in_test_mode_is_a_part"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.viewer}, {self.campaign}: {self.minutes} min"

    @property
    def minutes(self) -> int:
        """Whole minutes, as shown to viewers and partners."""
        return whole_minutes(self.seconds)


class Reason(models.TextChoices):
    """Why watch time did not count, in plain words."""

    OTHER_STREAM_ACTIVE = "other_stream_active", _("Another channel was counting at the same time")
    STREAM_OFFLINE = "stream_offline", _("The channel was not live")
    STALE_LIVESTREAM = "stale_livestream", _("The player was still showing a stream that had ended")
    OWN_CHANNEL = "own_channel", _("You cannot earn rewards on your own channel")
    NETWORK_LIMIT = "network_limit", _("Too many viewers of one network had counted on this channel that day")
    CAMPAIGN_NOT_LIVE = "campaign_not_live", _("The campaign was not running")
    WRONG_CATEGORY = "wrong_category", _("The stream was not in the campaign's category")
    NOT_ALLOW_LISTED = "not_allow_listed", _("The campaign counts on other channels only")
    STREAMER_OPTED_OUT = (
        "streamer_opted_out",
        _("The streamer opted out of campaigns that are open to every channel"),
    )
    TEST_MODE = "test_mode", _("The campaign is being tested by its studio")


class ChannelState(models.Model):
    """How a channel stood towards the campaigns, for as long as nothing about it changed.

    All its viewers share the row: live or not, in which category, and the campaigns it counted for.
    """

    key = models.CharField(max_length=32, unique=True, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="standings")
    livestream = models.ForeignKey(
        Livestream, on_delete=models.PROTECT, null=True, blank=True, related_name="standings"
    )
    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, null=True, blank=True, related_name="standings"
    )
    opted_out = models.BooleanField(default=False)
    campaigns = models.ManyToManyField(Campaign, related_name="standings", through="CountedCampaign")

    class Meta:
        db_table = "drops_standing"  # its first name, as in `WatchInterval.standing`

    def __str__(self) -> str:
        return f"{self.channel} in {self.category}"


class CountedCampaign(models.Model):
    """A campaign that a channel counted for."""

    channelstate = models.ForeignKey(ChannelState, on_delete=models.CASCADE, related_name="+")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+")
    test = models.BooleanField(default=False, help_text=_("The campaign was in test mode."))

    class Meta:
        db_table = "drops_standing_campaigns"
        constraints = [
            models.UniqueConstraint(fields=["channelstate", "campaign"], name="counted_campaign_once")
        ]

    def __str__(self) -> str:
        return f"{self.campaign} on {self.channelstate}"


class WatchInterval(models.Model):
    """One visit of a viewer to a channel, as long as nothing about it changes.

    It counted for every campaign of its standing (`reason` empty), each second from `started_at` to
    `last_beat_at`; or `reason` says why it did not. A visit goes on in a new row when the standing
    changes and at midnight UTC; whole seconds are counted from `visit_started_at`, so that cutting
    a visit into rows loses no part of a second.
    """

    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="watch_intervals", db_index=False
    )
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="watch_intervals", db_index=False
    )
    standing = models.ForeignKey(
        ChannelState, on_delete=models.PROTECT, related_name="intervals", db_index=False
    )
    reason = models.CharField(max_length=32, blank=True, choices=Reason)
    visit_started_at = MomentField()
    started_at = MomentField()
    last_beat_at = MomentField()
    credited_seconds = models.PositiveIntegerField(default=0)
    # The player that beat last, by the number that it gave itself.
    player = models.BigIntegerField(default=0)
    # The next beat may go on with this row.
    is_open = models.BooleanField(default=True)

    class Meta:
        # `last_beat_at` is in no index on purpose: PostgreSQL then updates the row in place.
        indexes = [
            models.Index(fields=["viewer", "-started_at"], name="watch_interval_by_viewer"),
            models.Index(fields=["started_at"], name="watch_interval_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["viewer", "channel"], condition=Q(is_open=True), name="watch_interval_open_once"
            ),
            models.UniqueConstraint(
                fields=["viewer"], condition=Q(is_open=True, reason=""), name="watch_interval_one_session"
            ),
            models.CheckConstraint(
                condition=Q(last_beat_at__gte=F("started_at")) & Q(started_at__gte=F("visit_started_at")),
                name="watch_interval_times_in_order",
            ),
            models.CheckConstraint(
                condition=Q(credited_seconds=0) | Q(credited_seconds__gt=0, reason=""),
                name="watch_interval_counts_or_says_why",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=["", *Reason.values]), name="watch_interval_reason_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.viewer} on {self.channel}"


class WatchPartition(models.Model):
    """A share of the viewers. Its row is locked while they are credited; `position` is the last
    entry of its stream that was."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    position = models.CharField(max_length=41, default="0-0")

    def __str__(self) -> str:
        return f"{self.number} at {self.position}"


class FormerCategory(models.Model):
    """A livestream's category until it changed: beats accepted before `until` are judged by it."""

    livestream = models.ForeignKey(Livestream, on_delete=models.CASCADE, related_name="former_categories")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, related_name="+")
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.category} until {self.until:%Y-%m-%d %H:%M}"


class FormerOptOut(models.Model):
    """A time in which a streamer took no part in global campaigns, and that is over."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="former_opt_outs")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.channel} until {self.ended_at:%Y-%m-%d %H:%M}"


class FormerTerms(models.Model):
    """What a campaign asked for until it was edited: beats accepted before `until` are judged by it."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="former_terms")
    until = models.DateTimeField(db_index=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    test_mode = models.BooleanField()
    # The allow-list; empty: global.
    channel_ids = models.JSONField()

    def __str__(self) -> str:
        return f"{self.campaign} until {self.until:%Y-%m-%d %H:%M}"
