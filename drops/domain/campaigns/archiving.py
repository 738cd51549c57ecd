"""Campaigns that are over, and drafts that came to nothing, are put away and brought back.

An archived campaign is left out of its owners' list. Viewers notice nothing.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain.audit import Actor
from accounts.domain.permissions import Action
from accounts.domain.verbs import ALREADY, change, goes_ahead, lock_for
from drops.models import Campaign, CampaignPhase


@transaction.atomic
def archive_campaign(*, campaign: Campaign, now: datetime, actor: Actor) -> Campaign:
    """ValidationError for a published campaign that has not closed. Twice is once.

    A draft that was to be published at a time no longer is.
    """
    campaign = lock_for(campaign, actor=actor, action=Action.CHANGE_CAMPAIGNS)
    if not goes_ahead(why_not_archive(campaign, now)):
        return campaign
    return change(campaign, "campaign.archived", by=actor, at=now, archived_at=now, publish_at=None)


def why_not_archive(campaign: Campaign, now: datetime) -> str:
    if campaign.archived_at is not None:
        return ALREADY
    if campaign.phase(now) in (CampaignPhase.DRAFT, CampaignPhase.CLOSED):
        return ""
    return _("A published campaign can be archived once it has closed.")


@transaction.atomic
def restore_campaign(*, campaign: Campaign, now: datetime, actor: Actor) -> Campaign:
    """Bring an archived campaign back. Twice is once."""
    campaign = lock_for(campaign, actor=actor, action=Action.CHANGE_CAMPAIGNS)
    if not goes_ahead(why_not_restore(campaign, now)):
        return campaign
    return change(campaign, "campaign.restored", by=actor, at=now, archived_at=None)


def why_not_restore(campaign: Campaign, now: datetime) -> str:
    return ALREADY if campaign.archived_at is None else ""
