"""What publishing, changing or withdrawing a campaign means for viewers, and what of it is final."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _, ngettext

from accounts.domain.consequences import Consequence
from drops.domain.campaigns.plans import STARTED, CampaignPlan, plan_of
from drops.domain.watch.figures import totals
from drops.models import Campaign


def of_change(campaign: Campaign, changes: Mapping[str, Any], *, now: datetime) -> list[Consequence]:
    """What cannot be taken back once `changes` are made: nothing before the campaign has started.

    `changes` are fields of its plan.
    """
    if campaign.phase(now) not in STARTED:
        return []
    present = plan_of(campaign)
    found = list(_promises(present, replace(present, **changes)))
    return [*found, _audience(campaign)] if found else []


def _promises(present: CampaignPlan, plan: CampaignPlan) -> Iterator[Consequence]:
    if plan.ends_at > present.ends_at:
        text = _("The campaign ends later. The end can never move back.")
        yield Consequence(text, present.ends_at, plan.ends_at)
    if plan.closes_at > present.closes_at:
        text = _("Claims close later. The last day to claim can never move back.")
        yield Consequence(text, present.closes_at, plan.closes_at)
    if present.test_mode and not plan.test_mode:
        yield Consequence(_("Everybody takes part from now on. Test mode can never be switched on again."))
        yield Consequence(
            _("What members watched and claimed in test mode stays theirs. It is left out of all figures.")
        )
    before = {entry.reward: entry.required_minutes for entry in present.rewards}
    for entry in plan.rewards:
        minutes = before.get(entry.reward)
        if minutes is None:
            yield Consequence(
                _("“%(reward)s” is attached and requires %(minutes)d minutes. It can never be removed.")
                % {"reward": entry.reward, "minutes": entry.required_minutes}
            )
        elif entry.required_minutes < minutes:
            yield Consequence(
                _(
                    "“%(reward)s” requires %(after)d minutes instead of %(before)d. This number can never be raised."
                )
                % {"reward": entry.reward, "before": minutes, "after": entry.required_minutes}
            )


def of_publishing(campaign: Campaign, *, now: datetime) -> list[Consequence]:
    """What viewers are promised, and when."""
    rewards = ", ".join(
        _("%(reward)s (%(minutes)d min)") % {"reward": entry.reward, "minutes": entry.required_minutes}
        for entry in campaign.campaign_rewards.select_related("reward")
    )
    channels = campaign.allowed_channels.count()
    return [
        *warnings_of(campaign, now=now),
        Consequence(_("The campaign is announced."), after=campaign.announces_at),
        Consequence(_("It starts. From then on no reward can be taken away."), after=campaign.starts_at),
        Consequence(_("It ends. Viewers earn nothing after that."), after=campaign.ends_at),
        Consequence(_("Claims close."), after=campaign.closes_at),
        Consequence(_("Viewers earn: %(rewards)s.") % {"rewards": rewards}),
        Consequence(
            ngettext(
                "It counts on the one channel on its allow-list.",
                "It counts on the %(count)d channels on its allow-list.",
                channels,
            )
            % {"count": channels}
            if channels
            else _("It counts on every channel whose streamer takes part.")
        ),
    ]


def warnings_of(campaign: Campaign, *, now: datetime) -> list[Consequence]:
    """What a producer may not have meant, though the campaign can be published."""
    if campaign.starts_at <= now:
        text = _("The start is in the past. The campaign is live as soon as it is published.")
        return [Consequence(text, after=campaign.starts_at)]
    if campaign.announces_at <= now:
        text = _("The announcement is in the past. Viewers see the campaign as soon as it is published.")
        return [Consequence(text, after=campaign.announces_at)]
    return []


def of_withdrawing(campaign: Campaign, *, now: datetime) -> list[Consequence]:
    """Who is in the middle of earning something, and until when they can claim."""
    text = _("Viewers can claim what they have earned until the campaign closes.")
    return [_audience(campaign), Consequence(text, after=campaign.closes_at)]


def _audience(campaign: Campaign) -> Consequence:
    viewers = totals([campaign])[campaign.pk].viewers
    return Consequence(
        ngettext(
            "%(count)d viewer has watched for the campaign.",
            "%(count)d viewers have watched for the campaign.",
            viewers,
        )
        % {"count": viewers}
    )
