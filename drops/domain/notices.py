"""What members hear of the phases of their campaigns. The numbers of the first day are `fulfillment`'s."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.dispatch import Signal
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices.kinds import Kind, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from drops.models import Campaign, CampaignPhase, PhaseChange, PhaseChangeKind

# Sent in the transaction that notes that a campaign's first `day` is over: the PhaseChange, and `now`.
first_day_over = Signal()

OVER = (CampaignPhase.GRACE, CampaignPhase.CLOSED)


def page_of(campaign: Campaign) -> str:
    return reverse("dashboard:campaign_overview", args=[campaign.pk])


_of_campaign: Mapping[str, Any] = {
    "model": Campaign,
    "action": Action.SEE_FIGURES,
    "related": ("organization",),
    "in_chat": True,
    "path": page_of,
    "values": lambda campaign, _data: {"campaign": campaign, "path": page_of(campaign)},
}
BEGINS = register(
    Kind(
        code="campaign_begins",
        label=_("A campaign begins"),
        words=_("Watch time counts from now on."),
        template="drops/mail/campaign_begins",
        is_current=lambda campaign, _data, now: (
            campaign.organization.is_active and campaign.phase(now) is CampaignPhase.LIVE
        ),
        good_for=timedelta(days=1),
        **_of_campaign,
    )
)
ENDS = register(
    Kind(
        code="campaign_ends",
        label=_("A campaign ends"),
        words=_("Watch time no longer counts, and viewers claim what they have earned."),
        template="drops/mail/campaign_ends",
        is_current=lambda campaign, _data, now: (
            campaign.organization.is_active and campaign.phase(now) in OVER
        ),
        good_for=timedelta(days=2),
        **_of_campaign,
    )
)
TOLD = {PhaseChangeKind.STARTED: BEGINS, PhaseChangeKind.ENDED: ENDS}


def tell(change: PhaseChange, *, now: datetime) -> None:
    """Tell members of `change`, in the transaction that notes it."""
    if kind := TOLD.get(PhaseChangeKind(change.kind)):
        write(kind, about=change.campaign, once="", now=now)
    elif change.kind == PhaseChangeKind.FIRST_DAY:
        first_day_over.send(sender=PhaseChange, day=change, now=now)
