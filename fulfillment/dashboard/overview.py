"""A campaign at a glance: where it stands, what it brought, what keeps it from being published."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.admin.utils import quote, unquote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.dashboard.sites import site
from drops.domain.analytics import campaign_totals, viewers_qualified
from drops.domain.campaigns import problems_of
from drops.models import Campaign, CampaignReward
from fulfillment.domain.queries_owners import claimed_by_reward


class RewardFigures(NamedTuple):
    attached: CampaignReward
    qualified: int
    claimed: int


class Moment(NamedTuple):
    """A point of the campaign's timeline; `percent` is how far along it lies."""

    label: str
    at: datetime
    percent: float
    passed: bool


@site.page("campaigns/<path:object_id>/overview/", name="campaign_overview")
def campaign_overview(request: HttpRequest, object_id: str) -> HttpResponse:
    now = timezone.now()
    model_admin = site.admin_of(Campaign)
    campaign: Campaign = model_admin.object_or_404(request, unquote(object_id))
    attached = list(campaign.campaign_rewards.select_related("reward"))
    qualified, claimed = viewers_qualified(campaign=campaign), claimed_by_reward(campaign)
    phase = campaign.phase(now)
    context = {
        **site.each_context(request),
        "title": campaign.name,
        "model_admin": model_admin,
        "campaign": campaign,
        "phase": phase,
        "totals": campaign_totals(campaign=campaign),
        "claimed_rewards": sum(claimed.values()),
        "rewards": [
            RewardFigures(entry, qualified.get(entry.reward_id, 0), claimed.get(entry.reward_id, 0))
            for entry in attached
        ],
        "channels": campaign.allowed_channels.select_related("channel"),
        "problems": problems_of(campaign, now=now) if campaign.published_at is None else [],
        "moments": _moments(campaign, now),
        "progress": _percent(campaign, now),
        "verbs": [
            (verb, model_admin.url(verb.name, quote(campaign.pk)))
            for verb in model_admin.offered_verbs(request, campaign)
        ],
        "edit_url": model_admin.url("change", quote(campaign.pk)),
        "history_url": model_admin.url("history", quote(campaign.pk)),
        "list_url": model_admin.url("changelist"),
    }
    return render(request, "dashboard/campaign_overview.html", context)


def _percent(campaign: Campaign, at: datetime) -> float:
    whole = max(campaign.closes_at - campaign.announces_at, timedelta(seconds=1))
    return round(100 * min(max((at - campaign.announces_at) / whole, 0.0), 1.0), 2)


def _moments(campaign: Campaign, now: datetime) -> list[Moment]:
    named = [
        ("Announced", campaign.announces_at),
        ("Start", campaign.starts_at),
        ("End", campaign.ends_at),
        ("Last claims", campaign.closes_at),
    ]
    return [Moment(label, at, _percent(campaign, at), at <= now) for label, at in named]
