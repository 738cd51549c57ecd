"""A campaign at a glance: where it stands, what it brought, what keeps it from being published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.contrib.admin.utils import quote, unquote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format as date
from django.utils.translation import gettext as _

from accounts.audit_words import change_words
from accounts.dashboard.kit.access import may
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from accounts.requests import PageRequest
from config import charts, zones
from config.charts import Axis, Chart, Series
from drops.dashboard.timeline import timeline_of
from drops.domain.campaigns.consequences import warnings_of
from drops.domain.campaigns.extensions import extension_of
from drops.domain.campaigns.lifecycle import problems_of, why_not_publish
from drops.domain.campaigns.publications import last_failure
from drops.domain.readings import counted_up_to_age
from drops.domain.watch.figures import ChannelFigures, by_channel, by_day, totals, viewers_qualified
from drops.domain.watch.network_groups import LargestGroup, largest_groups
from drops.models import SMALLEST_GROUP, Campaign, CampaignPhase, CampaignReward
from fulfillment.domain.analytics.over_time import midnight_of
from fulfillment.domain.analytics.results import result_of
from fulfillment.domain.analytics.uncounted import lost_today
from fulfillment.domain.claims.reading import claimed_by_reward
from fulfillment.domain.rehearsals.starting import why_not_rehearse

MOST_DAYS = 60
TOP_CHANNELS = 5
SHOWN_CHANNELS = 20
# In seconds: so a figure on the page is at most half a minute old, beside what waits to be credited.
AGAIN_AFTER = 30


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


@site.page("campaigns/<path:object_id>/overview/", name="campaign_overview", action=Action.SEE_FIGURES)
def campaign_overview(request: HttpRequest, object_id: str) -> HttpResponse:
    now = timezone.now()
    model_admin = site.admin_of(Campaign)
    campaign: Campaign = model_admin.object_or_404(request, unquote(object_id))
    phase = campaign.phase(now)
    figures = _figures(campaign, phase, now)
    if cast("PageRequest", request).htmx:  # the part that changes, fetched again
        return render(request, "dashboard/campaign_figures.html", {**site.each_context(request), **figures})
    failure = last_failure(campaign) if phase is CampaignPhase.DRAFT else None
    context = {
        **site.each_context(request),
        **figures,
        "title": campaign.name,
        "model_admin": model_admin,
        "phase": phase,
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
        "history_url": model_admin.history_url_for(request, campaign),
        "list_url": model_admin.url("changelist"),
        "may_rehearse": may(request, Action.REHEARSE) and not why_not_rehearse(campaign, now),
    }
    return render(request, "dashboard/campaign_overview.html", context)


def _figures(campaign: Campaign, phase: CampaignPhase, now: datetime) -> dict[str, Any]:
    """What `dashboard/campaign_figures.html` draws."""
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
    age = counted_up_to_age(now=now)
    return {
        "campaign": campaign,
        "lost_today": lost_today([campaign], since=midnight_of(now, zones.current()))
        if phase is CampaignPhase.LIVE
        else [],
        "as_of": None if age is None else now - timedelta(seconds=age),
        "fetch_again_after": AGAIN_AFTER if phase is CampaignPhase.LIVE else None,
        "totals": totals([campaign])[campaign.pk],
        "claimed_rewards": claimed,
        "test_totals": totals([campaign], test=True)[campaign.pk],
        "claimed_in_test": claimed_in_test,
        "rewards": [
            RewardFigures(entry, *(by_reward.get(entry.reward_id, 0) for by_reward in figures))
            for entry in attached
        ],
        "result": result_of(campaign),
        "has_begun": campaign.starts_at <= now and campaign.published_at is not None,
        "chart": _chart(campaign, now),
        "top_channels": _top_channels(campaign),
        "smallest_group": SMALLEST_GROUP,
        "network_days": settings.WATCH_NETWORK_DAYS,
        "edit_url": site.admin_of(Campaign).url("change", quote(campaign.pk)),
    }


def _top_channels(campaign: Campaign) -> list[ChannelRow]:
    top = by_channel(campaign, limit=TOP_CHANNELS)
    groups = largest_groups(campaign, [figures.channel for figures in top])
    return [ChannelRow(figures, groups.get(figures.channel.pk)) for figures in top]


def _chart(campaign: Campaign, now: datetime) -> Chart | None:
    """Watched minutes by day, days without any among them: the last MOST_DAYS of the campaign. None before the first
    minute."""
    last = min(now, campaign.ends_at).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = max(campaign.starts_at, last - timedelta(days=MOST_DAYS - 1)).astimezone(UTC)
    first = first.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = {day.start: day.minutes for day in by_day(campaign) if day.start >= first}
    if not minutes:
        return None
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return charts.bars(
        title=_("Watched minutes by day"),
        axis=Axis(_("Day"), [date(day, "j M Y") for day in days], [date(day, "j M") for day in days]),
        series=[Series(_("minutes"), "good", [minutes.get(day, 0) for day in days])],
        summary=_("Minutes watched by all viewers together. Days are in UTC."),
    )
