"""A campaign at a glance: where it stands, what it brought, what keeps it from being published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.admin.utils import quote, unquote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.audit_words import change_words
from accounts.dashboard.kit.access import may
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from drops.dashboard.timeline import timeline_of
from drops.domain.campaigns.consequences import warnings_of
from drops.domain.campaigns.extensions import extension_of
from drops.domain.campaigns.lifecycle import problems_of, why_not_publish
from drops.domain.campaigns.publications import last_failure
from drops.domain.watch.figures import ChannelFigures, by_channel, by_day, totals, viewers_qualified
from drops.domain.watch.network_groups import LargestGroup, largest_groups
from drops.models import SMALLEST_GROUP, Campaign, CampaignPhase, CampaignReward
from fulfillment.domain.claims.reading import claimed_by_reward
from fulfillment.domain.rehearsals.starting import why_not_rehearse

MOST_DAYS = 60
TOP_CHANNELS = 5
SHOWN_CHANNELS = 20
CHART_WIDTH, CHART_HEIGHT = 600, 110


class RewardFigures(NamedTuple):
    attached: CampaignReward
    qualified: int
    claimed: int
    qualified_in_test: int
    claimed_in_test: int


class ChannelRow(NamedTuple):
    """`group`: None where nothing is known of the networks of the channel's viewers."""

    figures: ChannelFigures
    group: LargestGroup | None


class Bar(NamedTuple):
    """A day of the chart, in the units of its picture."""

    day: datetime
    minutes: int
    x: float
    y: float
    width: float
    height: float


@site.page("campaigns/<path:object_id>/overview/", name="campaign_overview", action=Action.SEE_FIGURES)
def campaign_overview(request: HttpRequest, object_id: str) -> HttpResponse:
    now = timezone.now()
    model_admin = site.admin_of(Campaign)
    campaign: Campaign = model_admin.object_or_404(request, unquote(object_id))
    attached = list(campaign.campaign_rewards.select_related("reward"))
    figures = [
        by_reward
        for test in (False, True)
        for by_reward in (
            viewers_qualified(campaign=campaign, test=test),
            claimed_by_reward(campaign, test=test),
        )
    ]
    claimed, claimed_in_test = (sum(by_reward.values()) for by_reward in figures[1::2])
    phase = campaign.phase(now)
    failure = last_failure(campaign) if phase is CampaignPhase.DRAFT else None
    context = {
        **site.each_context(request),
        "title": campaign.name,
        "model_admin": model_admin,
        "campaign": campaign,
        "phase": phase,
        "totals": totals([campaign])[campaign.pk],
        "claimed_rewards": claimed,
        "test_totals": totals([campaign], test=True)[campaign.pk],
        "claimed_in_test": claimed_in_test,
        "rewards": [
            RewardFigures(entry, *(by_reward.get(entry.reward_id, 0) for by_reward in figures))
            for entry in attached
        ],
        "has_begun": campaign.starts_at <= now and campaign.published_at is not None,
        "bars": _bars(campaign, now),
        "top_channels": _top_channels(campaign),
        "smallest_group": SMALLEST_GROUP,
        "network_days": settings.WATCH_NETWORK_DAYS,
        "channels": campaign.allowed_channels.select_related("channel")[:SHOWN_CHANNELS],
        "more_channels": max(campaign.allowed_channels.count() - SHOWN_CHANNELS, 0),
        "problems": [] if why_not_publish(campaign, now) else problems_of(campaign, now=now),
        "warnings": [] if campaign.published_at else warnings_of(campaign, now=now),
        "timeline": timeline_of(campaign, now),
        "extension": extension_of(campaign),
        "failure": failure,
        "failure_words": change_words(failure.action, failure.data) if failure else [],
        "verbs": [
            (verb, model_admin.url(verb.name, quote(campaign.pk)))
            for verb in model_admin.offered_verbs(request, campaign)
        ],
        "edit_url": model_admin.url("change", quote(campaign.pk)),
        "history_url": model_admin.history_url_for(request, campaign),
        "list_url": model_admin.url("changelist"),
        "may_rehearse": may(request, Action.REHEARSE) and not why_not_rehearse(campaign, now),
    }
    return render(request, "dashboard/campaign_overview.html", context)


def _top_channels(campaign: Campaign) -> list[ChannelRow]:
    top = by_channel(campaign, limit=TOP_CHANNELS)
    groups = largest_groups(campaign, [figures.channel for figures in top])
    return [ChannelRow(figures, groups.get(figures.channel.pk)) for figures in top]


def _bars(campaign: Campaign, now: datetime) -> list[Bar]:
    """Watched minutes by day, days without any among them: the last MOST_DAYS of the campaign."""
    last = min(now, campaign.ends_at).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = max(campaign.starts_at, last - timedelta(days=MOST_DAYS - 1)).astimezone(UTC)
    first = first.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = {day.start: day.minutes for day in by_day(campaign) if day.start >= first}
    if not minutes:
        return []
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    slot, tallest = CHART_WIDTH / len(days), max(minutes.values()) or 1
    bars = []
    for number, day in enumerate(days):
        height = round(CHART_HEIGHT * minutes.get(day, 0) / tallest, 1)
        x, width = round((number + 0.15) * slot, 1), round(0.7 * slot, 1)
        bars.append(Bar(day, minutes.get(day, 0), x, CHART_HEIGHT - height, width, height))
    return bars
