"""What publishing, changing or withdrawing a campaign means for viewers, and what of it is final."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from django.utils.translation import gettext as _, ngettext

from accounts.domain.consequences import Consequence
from accounts.models import Organization
from drops.domain.campaigns.lifecycle import closes_if_ended
from drops.domain.campaigns.plans import STARTED, CampaignPlan, plan_of
from drops.domain.watch.figures import totals
from drops.models import Campaign, CampaignReward

T = TypeVar("T")


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
    found = []
    if campaign.starts_at <= now:
        text = _("The start is in the past. The campaign is live as soon as it is published.")
        found.append(Consequence(text, after=campaign.starts_at))
    elif campaign.announces_at <= now:
        text = _("The announcement is in the past. Viewers see the campaign as soon as it is published.")
        found.append(Consequence(text, after=campaign.announces_at))
    return [*found, *(Consequence(text) for text in _doubles(campaign, now))]


def _doubles(campaign: Campaign, now: datetime) -> Iterator[str]:
    """What two things have in common that people tell apart by it."""
    same_name = Campaign.objects.filter(
        organization=campaign.organization_id,
        name__iexact=campaign.name,
        withdrawn_at=None,
        closes_at__gt=now,
    ).exclude(pk=campaign.pk)
    if other := same_name.order_by("-starts_at").first():
        yield _("Another campaign has the same name: %(campaign)s.") % {"campaign": other.dated_name}
    attached = list(campaign.campaign_rewards.select_related("reward"))
    for minutes, rewards in _grouped(attached, lambda entry: entry.required_minutes):
        text = _("These rewards take the same %(minutes)d minutes: %(rewards)s.")
        yield text % {"rewards": rewards, "minutes": minutes}
    for external_id, rewards in _grouped(attached, lambda entry: entry.reward.external_id):
        text = _("These rewards have the same external ID, %(id)s: %(rewards)s.")
        yield text % {"rewards": rewards, "id": external_id}


def _grouped(
    attached: Iterable[CampaignReward], key: Callable[[CampaignReward], T]
) -> Iterator[tuple[T, str]]:
    """The values of `key` that two or more have, empty ones left out, with the names of their rewards."""
    names: defaultdict[T, list[str]] = defaultdict(list)
    for entry in attached:
        names[key(entry)].append(f"“{entry.reward}”")
    return ((value, ", ".join(found)) for value, found in names.items() if value and len(found) > 1)


def of_withdrawing(campaign: Campaign, *, now: datetime) -> list[Consequence]:
    """Who is in the middle of earning something, and until when they can claim."""
    text = _("Viewers can claim what they have earned until the campaign closes.")
    return [_audience(campaign), Consequence(text, after=campaign.closes_at)]


def of_suspending(*, organization: Organization, now: datetime, **signal: object) -> list[Consequence]:
    """Receives `suspension_asked`: what viewers lose while the organization is suspended."""
    open_ones = list(
        Campaign.objects.filter(
            organization=organization, published_at__lte=now, withdrawn_at=None, closes_at__gt=now
        )
    )
    if not open_ones:
        return []
    campaigns = len(open_ones)
    viewers = sum(each.viewers for each in totals(open_ones).values())
    return [
        Consequence(
            ngettext(
                "%(count)d published campaign disappears. Viewers earn nothing more in it, and cannot claim "
                "what they have earned.",
                "%(count)d published campaigns disappear. Viewers earn nothing more in them, and cannot claim "
                "what they have earned.",
                campaigns,
            )
            % {"count": campaigns}
        ),
        Consequence(
            ngettext(
                "%(count)d viewer has watched for them.", "%(count)d viewers have watched for them.", viewers
            )
            % {"count": viewers}
        ),
    ]


def of_ending(campaign: Campaign, *, now: datetime) -> list[Consequence]:
    """The same as of a withdrawal, and what moves."""
    return [
        _audience(campaign),
        Consequence(_("The campaign ends. Viewers earn nothing more."), campaign.ends_at, now),
        Consequence(
            _("Viewers can claim what they have earned until the campaign closes."),
            after=closes_if_ended(campaign, now),
        ),
    ]


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
