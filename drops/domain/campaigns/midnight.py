"""A campaign that starts at midnight in UTC, where its producer's midnight is another."""

from __future__ import annotations

from datetime import UTC, datetime, time, tzinfo

from django.db import transaction

from accounts.domain.audit import Actor
from config import zones
from config.locks import lock
from drops.domain.campaigns.lifecycle import amend_campaign
from drops.models import Campaign, CampaignPhase

BEFORE_THE_START = (CampaignPhase.DRAFT, CampaignPhase.SCHEDULED, CampaignPhase.ANNOUNCED)


def midnight_meant(campaign: Campaign, zone: tzinfo) -> datetime | None:
    """Midnight in `zone` on the day on which `campaign` starts in UTC; None where there is no doubt.

    There is none where the start is another time of day, or midnight in `zone` too. Where clocks skip midnight, it is
    the first time that they show instead.
    """
    start = campaign.starts_at.astimezone(UTC)
    if start.time() != time.min:
        return None
    local = start.replace(tzinfo=None)
    moments = zones.moments_of(local, zone)
    meant = moments[0] if moments else zones.around(local, zone)[1].astimezone(UTC)
    return None if meant == start else meant


@transaction.atomic
def start_at_midnight_of(*, campaign: Campaign, zone: tzinfo, now: datetime, actor: Actor) -> Campaign:
    """Let the campaign start at midnight in `zone` instead of at midnight in UTC. All other dates move with it.

    ValidationError where that is not possible; twice is once.
    """
    campaign = lock(campaign)
    meant = midnight_meant(campaign, zone)
    if meant is None:
        return campaign
    changes = {"starts_at": meant, "ends_at": campaign.ends_at + (meant - campaign.starts_at)}
    return amend_campaign(campaign=campaign, changes=changes, now=now, actor=actor)
