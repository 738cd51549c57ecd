"""What watching brought, by the hour and the day: rows that crediting adds to, and that figures are read from."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .campaigns import Campaign
from .catalogue import Channel
from .rewards import Reward
from .watch import Reason


class WatchHour(models.Model):
    """What one hour on one channel brought to a campaign; what it brought in test mode is a row apart."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="watch_hours", db_index=False
    )
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="watch_hours")
    hour = models.DateTimeField()
    test = models.BooleanField(default=False, help_text=_("Watched in test mode."))
    seconds = models.PositiveBigIntegerField(default=0)
    # Different viewers in this hour here.
    viewers = models.PositiveIntegerField(default=0)
    # Viewers whose first second for the campaign was here: their sum is exact.
    new_viewers = models.PositiveIntegerField(default=0)
    # Viewers whose first second of this hour for the campaign was here: their sum is the hour's different viewers.
    # None: the hour was before this was counted.
    new_to_hour = models.PositiveIntegerField(null=True, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "hour", "channel", "test"], name="watch_hour_once")
        ]

    def __str__(self) -> str:
        return f"{self.campaign} on {self.channel}, {self.hour:%Y-%m-%d %H}h"


class RewardHour(models.Model):
    """How many viewers reached a reward's required minutes in one hour on one channel; in test mode, in a row
    apart.

    Without a channel: those who reached them by no watching, but because fewer minutes were required from then on.
    """

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="reward_hours", db_index=False
    )
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="reward_hours")
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, null=True, blank=True, related_name="reward_hours"
    )
    hour = models.DateTimeField()
    test = models.BooleanField(default=False, help_text=_("Reached in test mode."))
    qualified = models.PositiveIntegerField(default=0)
    # How many of them had seen the studio's consent page, and how many had linked, before they reached it. Without a
    # channel it is what a lowered threshold changed: of those who linked on the way, fewer had done so before.
    saw_connect_page = models.IntegerField(default=0)
    linked = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "hour", "channel", "reward", "test"], name="reward_hour_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reward} on {self.channel or 'no channel'}, {self.hour:%Y-%m-%d %H}h"


class UncountedHour(models.Model):
    """Seconds that were watched on a channel in an hour and did not count for a campaign that was live, though the
    channel or its category is the campaign's; campaigns in test mode have none.

    Time that counted for other campaigns is in it. The streamer's own is not.
    """

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="uncounted_hours", db_index=False
    )
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="uncounted_hours")
    hour = models.DateTimeField()
    reason = models.CharField(max_length=32, choices=Reason)
    seconds = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "hour", "channel", "reason"], name="uncounted_hour_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign} on {self.channel}, {self.hour:%Y-%m-%d %H}h: {self.reason}"


class ChannelUncountedHour(models.Model):
    """Seconds that were watched on a channel in an hour and counted for no campaign, by the reason that the visits
    have; without the streamer's own."""

    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="uncounted_hours_of_all", db_index=False
    )
    hour = models.DateTimeField()
    reason = models.CharField(max_length=32, choices=Reason)
    seconds = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "hour", "reason"], name="channel_uncounted_hour_once")
        ]

    def __str__(self) -> str:
        return f"{self.channel}, {self.hour:%Y-%m-%d %H}h: {self.reason}"


class ChannelMove(models.Model):
    """How often viewers who counted for a campaign on one channel went on on another one within an hour."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="moves", db_index=False)
    from_channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", db_index=False)
    moves = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "from_channel", "to_channel"], name="channel_move_once"
            )
        ]
        indexes = [models.Index(fields=["campaign", "to_channel"], name="channel_move_by_end")]

    def __str__(self) -> str:
        return f"{self.from_channel} to {self.to_channel}"


class CampaignPair(models.Model):
    """How many viewers two campaigns of an organization have in common, those of test mode left out. `first` is the
    smaller ID."""

    first = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+", db_index=False)
    second = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+")
    viewers = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="campaign_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="campaign_pair_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


class ConnectHour(models.Model):
    """How many viewers saw the studio's consent page, or linked, for the first time in one hour, and had reached a
    reward of a campaign before. What is only of test mode is left out."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="connect_hours", db_index=False
    )
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="connect_hours", db_index=False)
    hour = models.DateTimeField()
    # Signed: a lowered threshold moves viewers from before to after.
    saw_connect_page = models.IntegerField(default=0)
    linked = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "hour", "reward"], name="connect_hour_once")
        ]

    def __str__(self) -> str:
        return f"{self.reward}, {self.hour:%Y-%m-%d %H}h"


class WatchMark(models.Model):
    """How many viewers of a campaign have watched for so many minutes or more, test mode left out.

    By the partition that was locked while they were counted, so that two transactions never wait for one row.
    """

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="watch_marks", db_index=False
    )
    minutes = models.PositiveIntegerField()
    partition = models.PositiveSmallIntegerField()
    viewers = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "minutes", "partition"], name="watch_mark_once")
        ]

    def __str__(self) -> str:
        return f"{self.campaign}, {self.minutes} min"


class ChannelDay(models.Model):
    """How many different viewers of known networks began to count on a channel on a day in UTC."""

    day = models.DateField()
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="viewer_days", db_index=False)
    viewers = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "day"], name="channel_day_once")]

    def __str__(self) -> str:
        return f"{self.channel}, {self.day}"


# Smaller groups are shown to nobody and soon forgotten: they may be a household.
SMALLEST_GROUP = 5


class NetworkDay(models.Model):
    """How many of the viewers of a `ChannelDay` came from one network, which is known by a keyed hash alone."""

    day = models.DateField(_("day"))
    channel = models.ForeignKey(
        Channel,
        on_delete=models.PROTECT,
        related_name="network_days",
        db_index=False,
        verbose_name=_("channel"),
    )
    network = models.BigIntegerField(_("network"))
    viewers = models.PositiveIntegerField(_("viewers"), default=0)

    class Meta:
        verbose_name = _("viewers of one network")
        verbose_name_plural = _("viewers of one network")
        constraints = [models.UniqueConstraint(fields=["day", "channel", "network"], name="network_day_once")]
        indexes = [
            # Most networks have one viewer: these indexes leave them out.
            models.Index(
                fields=["-viewers"],
                condition=Q(viewers__gte=SMALLEST_GROUP),
                name="network_day_largest",
            ),
            models.Index(
                fields=["day", "channel", "-viewers"],
                condition=Q(viewers__gte=SMALLEST_GROUP),
                name="network_day_largest_of_channel",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group}, {self.channel}, {self.day}"

    @property
    def group(self) -> str:
        """The network's name for people; it says nothing but whether two networks are the same."""
        return f"{self.network % 2**64:016x}"[:8]
