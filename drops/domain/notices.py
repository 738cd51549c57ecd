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
from drops.domain import telling
from drops.models import Campaign, CampaignPhase, PhaseChange, PhaseChangeKind

# Sent in the transaction that notes a PhaseChange, with the `change`, whether it came `in_time` to be told, and `now`.
phase_noted = Signal()

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


def tell(change: PhaseChange, *, again: bool, in_time: bool, now: datetime) -> None:
    """What `change` entails, in the transaction that notes it. `again`: its kind came before, at other dates."""
    kind = TOLD.get(PhaseChangeKind(change.kind))
    if kind is not None and in_time:
        once = change.due_at.isoformat() if again else ""
        write(kind, about=change.campaign, once=once, now=now)
    telling.begin(change=change, now=now)
    phase_noted.send(sender=PhaseChange, change=change, in_time=in_time, now=now)
