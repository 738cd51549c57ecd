"""What viewers hear of campaigns: of what they follow, and of what they have begun."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices.kinds import Kind, register
from drops.domain import telling
from drops.models import Campaign, CampaignPhase, PhaseChangeKind

# A warning is given a day before; a moment that was moved since is further away.
SOON = timedelta(hours=25)


def page_of(campaign: Campaign) -> str:
    return reverse("drops:campaign", args=[campaign.pk])


def _in_phase(phase: CampaignPhase) -> Callable[[Any, Mapping[str, Any], datetime], bool]:
    return lambda campaign, _data, now: (
        campaign.organization.is_active and not campaign.test_mode and campaign.phase(now) is phase
    )


OF_CAMPAIGN: Mapping[str, Any] = {
    "for_viewers": True,
    "model": Campaign,
    "related": ("organization", "category"),
    "path": page_of,
    "values": lambda campaign, _data: {"campaign": campaign, "path": page_of(campaign)},
}
ANNOUNCED = register(
    Kind(
        code="viewer_announced",
        label=_("A campaign is announced"),
        words=_("Of a game, a studio or a channel that you follow."),
        template="drops/mail/viewer_announced",
        is_current=_in_phase(CampaignPhase.ANNOUNCED),
        good_for=timedelta(days=3),
        **OF_CAMPAIGN,
    )
)
STARTED = register(
    Kind(
        code="viewer_started",
        label=_("A campaign starts"),
        words=_("That you follow, or of a game, a studio or a channel that you follow."),
        template="drops/mail/viewer_started",
        is_current=_in_phase(CampaignPhase.LIVE),
        good_for=timedelta(days=1),
        **OF_CAMPAIGN,
    )
)
LAST_DAY = register(
    Kind(
        code="viewer_last_day",
        label=_("The last day to watch"),
        words=_("Of a campaign that you follow, or have begun and not finished."),
        template="drops/mail/viewer_last_day",
        is_current=lambda campaign, data, now: (
            _in_phase(CampaignPhase.LIVE)(campaign, data, now)
            and campaign.ends_at <= now + SOON
            # Of a shorter one, its start said so.
            and campaign.ends_at > campaign.starts_at + SOON
        ),
        good_for=timedelta(days=1),
        **OF_CAMPAIGN,
    )
)
FOLLOWERS = ("campaign", "organization", "category", "channels")
telling.register(PhaseChangeKind.ANNOUNCED, ANNOUNCED, *FOLLOWERS)
telling.register(PhaseChangeKind.STARTED, STARTED, *FOLLOWERS)
telling.register(PhaseChangeKind.LAST_DAY, LAST_DAY, "campaign", "more_to_earn")
