"""A campaign is run again: the same plan on other dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from django.db import transaction

from accounts.domain.audit import Actor
from drops.domain.campaigns.lifecycle import create_campaign
from drops.domain.campaigns.plans import plan_of
from drops.models import Campaign

WEEK = timedelta(days=7)


def next_start(campaign: Campaign, now: datetime, zone: tzinfo = UTC) -> datetime:
    """The same time of the same weekday, at least a week after the start of `campaign`: the first that is to come.

    The same by the clocks of `zone`. A time that they skip is the one that they show instead; of one that they show
    twice it is the earlier.
    """
    local = campaign.starts_at.astimezone(zone)
    weeks = max((now - campaign.starts_at) // WEEK, 1)
    while (start := (local + weeks * WEEK).astimezone(UTC)) <= now:
        weeks += 1
    return start


@transaction.atomic
def copy_campaign(
    *, campaign: Campaign, starts_at: datetime, name: str, now: datetime, actor: Actor
) -> Campaign:
    """A draft that starts at `starts_at`. All other dates keep their distance from the start.

    ValidationError, with a message per field, where the plan is possible no more: a reward was archived meanwhile.
    """
    plan = plan_of(campaign)
    ends_at = plan.ends_at + (starts_at - plan.starts_at)
    return create_campaign(
        organization=campaign.organization,
        plan=replace(plan, name=name, publish_at=None, starts_at=starts_at, ends_at=ends_at),
        now=now,
        actor=actor,
        copied_from=campaign,
    )
