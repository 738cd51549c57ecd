"""What the watch page tells a viewer: which campaigns count now, or why none does and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from drops.domain.watch import timeline
from drops.domain.watch.beats import MAX_BEAT
from drops.models import Campaign, CampaignReward, Channel, Progress, Reason, WatchInterval
from drops.models.fields import to_ms


@dataclass(frozen=True)
class CampaignStatus:
    """A campaign that this channel counts for. `next_reward` None: every reward is reached."""

    campaign: Campaign
    seconds: int
    next_reward: CampaignReward | None

    @property
    def minutes(self) -> int:
        return self.seconds // 60

    @property
    def minutes_left(self) -> int:
        """Whole minutes until the next reward, rounded up; 0 when every reward is reached."""
        if self.next_reward is None:
            return 0
        return -(-(self.next_reward.required_seconds - self.seconds) // 60)


@dataclass(frozen=True)
class WatchStatus:
    """How it stands on a channel. `counting`: the last beat counted, and another may follow.

    Otherwise `reason` (None while nothing was watched yet) with a text for the viewer, and `since`
    when, if beats came in. `other_channel`: where the session is; a SWITCH beat moves it here.
    """

    counting: bool
    campaigns: tuple[CampaignStatus, ...]
    reason: Reason | None
    text: str
    since: datetime | None
    other_channel: Channel | None


def status_of(*, viewer: User, channel: Channel, now: datetime) -> WatchStatus:
    """What watching this channel counts for at `now`, or why it does not and what to do."""
    moment = to_ms(now)
    laid_out = timeline.load(
        channel_ids=[channel.pk], viewer_ids=[viewer.pk], start=moment, end=moment + 1, write=False
    )
    _, _, piece = next(laid_out.walk(channel.pk, moment, moment))
    verdict = laid_out.verdict(piece, viewer.pk)
    open_rows = list(
        WatchInterval.objects.filter(
            viewer=viewer, is_open=True, last_beat_at__gt=now - timedelta(milliseconds=MAX_BEAT)
        ).select_related("channel")
    )
    here = next((row for row in open_rows if row.channel_id == channel.pk), None)
    other = next((row.channel for row in open_rows if row.channel_id != channel.pk and not row.reason), None)
    campaigns = _campaigns(viewer, verdict.campaign_ids)
    reason: Reason | None = Reason(verdict.reason) if verdict.reason else None
    if reason is None and other is not None:
        reason = Reason.OTHER_STREAM_ACTIVE
    elif reason is None and here is not None and here.reason == Reason.STALE_LIVESTREAM:
        reason = Reason.STALE_LIVESTREAM
    counting = reason is None and here is not None
    return WatchStatus(
        counting=counting,
        campaigns=campaigns,
        reason=reason,
        text=_text(reason, channel, other, counting),
        since=here.started_at if here is not None and here.reason == (reason or "") else None,
        other_channel=other,
    )


def _campaigns(viewer: User, campaign_ids: tuple[str, ...]) -> tuple[CampaignStatus, ...]:
    seconds = dict(
        Progress.objects.filter(viewer=viewer, campaign__in=campaign_ids).values_list("campaign", "seconds")
    )
    found = (
        Campaign.objects.filter(pk__in=campaign_ids)
        .select_related("organization")
        .prefetch_related("campaign_rewards__reward")
    )
    return tuple(
        CampaignStatus(
            campaign,
            seconds.get(campaign.pk, 0),
            min(
                (
                    entry
                    for entry in campaign.campaign_rewards.all()
                    if entry.required_seconds > seconds.get(campaign.pk, 0)
                ),
                key=lambda entry: entry.required_minutes,
                default=None,
            ),
        )
        for campaign in found
    )


ADVICE = {
    Reason.STREAM_OFFLINE: "{channel} is not live. Watch time counts again when the stream is back.",
    Reason.STALE_LIVESTREAM: "The stream in your player has ended. Reload the page to watch the new one.",
    Reason.CAMPAIGN_NOT_LIVE: "No campaign is running at the moment.",
    Reason.WRONG_CATEGORY: "No running campaign asks for the category that {channel} is streaming now. "
    "Stay, or choose a channel on a campaign's page.",
    Reason.NOT_ALLOW_LISTED: "The campaigns for this category count on chosen channels only. "
    "Find them on the campaign's page.",
    Reason.STREAMER_OPTED_OUT: "{channel} takes no part in campaigns. Choose another channel to earn rewards.",
    Reason.TEST_MODE: "A campaign is being tested here by its studio. It counts for the studio's members only.",
    Reason.OTHER_STREAM_ACTIVE: "You are also watching {other}, and one channel counts at a time.",
}


def _text(reason: Reason | None, channel: Channel, other: Channel | None, counting: bool) -> str:
    if reason is not None:
        return ADVICE[reason].format(channel=channel.slug, other=other.slug if other else "")
    return "Your watch time counts." if counting else "Watch time counts here as soon as the video plays."
