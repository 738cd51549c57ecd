"""What the watch page tells a viewer: which campaigns count now, or why none counts and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.text import get_text_list
from django.utils.translation import gettext, gettext_lazy as _

from accounts.models import User
from config.rounding import ceil_div, whole_minutes
from drops.domain.watch import timeline
from drops.domain.watch.beats import MAX_BEAT
from drops.domain.watch.epochs import REMEMBERED
from drops.domain.watch.terms import Facts
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
        return whole_minutes(self.seconds)

    @property
    def minutes_left(self) -> int:
        """Whole minutes until the next reward, rounded up; 0 when every reward is reached."""
        if self.next_reward is None:
            return 0
        return ceil_div(self.next_reward.required_seconds - self.seconds, 60)


@dataclass(frozen=True)
class WatchStatus:
    """How it stands on a channel. `counting`: the last beat counted, and another may follow.

    Otherwise `reason` (None while nothing was watched yet) with a text for the viewer, and `since`
    when, if beats came in. `other_channel`: where the session is; a SWITCH beat moves it here.
    `earned_before`: while nothing counts, the campaigns that this channel last counted for.
    """

    counting: bool
    campaigns: tuple[CampaignStatus, ...]
    reason: Reason | None
    text: str
    since: datetime | None
    other_channel: Channel | None
    earned_before: tuple[CampaignStatus, ...] = ()


def status_of(
    *, viewer: User, channel: Channel, now: datetime, organization_id: str | None = None
) -> WatchStatus:
    """What watching this channel counts for at `now`, or why it does not and what to do.

    With `organization_id` it names that organization's campaigns alone.
    """
    moment = to_ms(now)
    laid_out = timeline.load(
        channel_ids=[channel.pk], viewer_ids=[viewer.pk], start=moment, end=moment + 1, write=False
    )
    *_span, piece = next(laid_out.walk(channel.pk, moment, moment))
    verdict = laid_out.verdict(piece, viewer.pk)
    open_rows = list(
        WatchInterval.objects.filter(
            viewer=viewer, is_open=True, last_beat_at__gt=now - timedelta(milliseconds=MAX_BEAT)
        ).select_related("channel")
    )
    here = next((row for row in open_rows if row.channel_id == channel.pk), None)
    other = next((row.channel for row in open_rows if row.channel_id != channel.pk and not row.reason), None)
    counted = tuple(campaign.campaign_id for campaign in verdict.campaigns)
    campaigns = _campaigns(viewer, counted, organization_id)
    reason: Reason | None = Reason(verdict.reason) if verdict.reason else None
    # Counting here instead of there would not help who has one of these.
    if reason is None and here is not None and here.reason in (Reason.STALE_LIVESTREAM, Reason.NETWORK_LIMIT):
        reason = Reason(here.reason)
    elif reason is None and other is not None:
        reason = Reason.OTHER_STREAM_ACTIVE
    counting = reason is None and here is not None
    earned_before: tuple[CampaignStatus, ...] = ()
    if reason in ADVICE_AFTER_EARNING:
        earned_before = _earned_before(viewer, channel, now, organization_id)
        reason = _reason_after_earning(earned_before, piece.facts, now) or reason
    return WatchStatus(
        counting=counting,
        campaigns=campaigns,
        earned_before=earned_before,
        reason=reason,
        text=_text(reason, channel, other, earned_before, counting),
        since=here.started_at if here is not None and here.reason == (reason or "") else None,
        other_channel=other,
    )


def _campaigns(
    viewer: User, campaign_ids: tuple[str, ...], organization_id: str | None
) -> tuple[CampaignStatus, ...]:
    seconds = dict(
        Progress.objects.filter(viewer=viewer, campaign__in=campaign_ids).values_list("campaign", "seconds")
    )
    found = Campaign.objects.filter(pk__in=campaign_ids)
    if organization_id is not None:
        found = found.filter(organization=organization_id)
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
        for campaign in found.select_related("organization").prefetch_related("campaign_rewards__reward")
    )


def _earned_before(
    viewer: User, channel: Channel, now: datetime, organization_id: str | None
) -> tuple[CampaignStatus, ...]:
    """What the viewer's last visit to the channel counted for, if that was within a day."""
    recent = WatchInterval.objects.filter(viewer=viewer, started_at__gt=now - REMEMBERED)
    last = recent.filter(channel=channel, reason="").order_by("-started_at").first()
    if last is None:
        return ()
    return _campaigns(viewer, tuple(last.standing.campaigns.values_list("pk", flat=True)), organization_id)


def _reason_after_earning(
    earned_before: Sequence[CampaignStatus], facts: Facts, now: datetime
) -> Reason | None:
    """Why the campaigns that the viewer was earning count no longer, where that is plain to see.

    The stream's own reason is of the campaign that is nearest to it, which may be another one.
    """
    campaigns = [entry.campaign for entry in earned_before]
    if campaigns and not any(campaign.phase(now).watchable for campaign in campaigns):
        return Reason.CAMPAIGN_NOT_LIVE
    if campaigns and all(campaign.category_id not in (None, facts.category_id) for campaign in campaigns):
        return Reason.WRONG_CATEGORY
    return None


ADVICE = {
    Reason.STREAM_OFFLINE: _("%(channel)s is not live. Watch time counts again when the stream is back."),
    Reason.STALE_LIVESTREAM: _("The stream in your player has ended. Reload the page to watch the new one."),
    Reason.OWN_CHANNEL: _("This is your own channel. Watch another channel to earn rewards."),
    Reason.NETWORK_LIMIT: _(
        "Many viewers on your network have watched %(channel)s today, and no more of them can earn rewards here "
        "until midnight UTC. Watch another channel, or use another network."
    ),
    Reason.CAMPAIGN_NOT_LIVE: _("No campaign is running for this stream now."),
    Reason.WRONG_CATEGORY: _(
        "No running campaign counts in the category that %(channel)s is streaming now. "
        "Choose a channel on a campaign's page."
    ),
    Reason.NOT_ALLOW_LISTED: _(
        "The campaigns for this category count on chosen channels only. Find them on the campaign's page."
    ),
    Reason.STREAMER_OPTED_OUT: _(
        "%(channel)s takes no part in campaigns. Choose another channel to earn rewards."
    ),
    Reason.TEST_MODE: _("A studio is testing a campaign here. It counts for the studio's members only."),
    Reason.OTHER_STREAM_ACTIVE: _("You are also watching %(other)s, and only one channel counts at a time."),
}
# The same for a viewer who was earning something here a moment ago.
ADVICE_AFTER_EARNING = {
    Reason.CAMPAIGN_NOT_LIVE: _(
        "No longer running: %(campaigns)s. Claim what you have earned in your inventory."
    ),
    Reason.WRONG_CATEGORY: _(
        "%(channel)s has left the category of %(campaigns)s. Choose another channel on the campaign's page."
    ),
    Reason.NOT_ALLOW_LISTED: _(
        "No longer counting on this channel: %(campaigns)s. Choose another channel on the campaign's page."
    ),
    Reason.STREAMER_OPTED_OUT: _(
        "%(channel)s no longer takes part in %(campaigns)s. Choose another channel on the campaign's page."
    ),
}


def advice(reason: Reason | None, *, channel: str, other: str) -> str:
    """What is said of a channel that counts, or does not for this reason; `channel` and `other` are slugs."""
    if reason is None:
        return gettext("Your watch time counts.")
    return ADVICE[reason] % {"channel": channel, "other": other}


def _text(
    reason: Reason | None,
    channel: Channel,
    other: Channel | None,
    earned_before: Sequence[CampaignStatus],
    counting: bool,
) -> str:
    if reason is None:
        return (
            gettext("Your watch time counts.")
            if counting
            else gettext("Watch time counts here as soon as the video plays.")
        )
    if not earned_before or reason not in ADVICE_AFTER_EARNING:
        return advice(reason, channel=channel.slug, other=other.slug if other else "")
    return ADVICE_AFTER_EARNING[reason] % {
        "channel": channel.slug,
        "campaigns": get_text_list([entry.campaign.name for entry in earned_before], gettext("and")),
    }
