"""Drafts that are published by themselves, at the time that they carry.

The clock asks once a minute. The same is checked as when somebody publishes by hand. If something is against it, the
campaign stays a draft without a time, and the audit trail and the campaign's page say what it was.

The clock may have been down. A draft whose time passed meanwhile is published when the clock is back, unless a date
that was to come after it has passed too, its announcement or its start: viewers would see something else than what
was planned, and its owners decide anew. `IN_TIME` is how late a publication may be before this is asked.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, transaction

from accounts.domain.verbs import change
from accounts.models import AuditEvent
from drops.domain.campaigns.lifecycle import let_run, problems_of, why_not_publish
from drops.models import Campaign

logger = structlog.get_logger(__name__)

IN_TIME = timedelta(minutes=15)
NOT_PUBLISHED = "campaign.not_published"
AT_ONCE = 500


def publish_due(*, now: datetime) -> int:
    """Publish the drafts whose time has come; returns how many were published.

    Safe to run late, twice or in two places at once: each draft is looked at again once its row is locked.
    """
    due = Campaign.objects.filter(publish_at__lte=now).order_by("publish_at", "pk")
    published = 0
    for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]):
        try:
            published += _publish(pk, now)
        except DatabaseError:  # one that cannot be written must not keep the others
            logger.exception("campaign_not_published", campaign=pk)
    return published


@transaction.atomic
def _publish(pk: str, now: datetime) -> bool:
    campaign = (
        Campaign.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization", "category")
        .filter(pk=pk, publish_at__lte=now)
        .first()
    )
    if campaign is None or campaign.publish_at is None:  # another worker was faster, or somebody cancelled it
        return False
    planned = campaign.publish_at
    against = _against(campaign, planned, now)
    if against:
        data = {"publish_at": planned.isoformat(), "problems": against}
        change(campaign, NOT_PUBLISHED, by=None, at=now, data=data, publish_at=None)
        return False
    let_run(campaign, now=now, by=None, data={"publish_at": planned.isoformat()})
    return True


def _against(campaign: Campaign, planned: datetime, now: datetime) -> list[str]:
    """Codes of what keeps the campaign from being published now."""
    if why_not_publish(campaign, now):
        return ["archived"]
    against = list(dict.fromkeys(problem.code for problem in problems_of(campaign, now=now)))
    if now - planned > IN_TIME:
        if planned <= campaign.starts_at <= now:
            against.append("late_for_start")
        elif planned <= campaign.announces_at <= now:
            against.append("late_for_announcement")
    return against


def last_failure(campaign: Campaign) -> AuditEvent | None:
    """Why a draft was not published at its time: until somebody changes or publishes it."""
    last = (
        AuditEvent.objects.filter(target_type=campaign._meta.label_lower, target_id=campaign.pk)
        .order_by("-pk")
        .first()
    )
    return last if last is not None and last.action == NOT_PUBLISHED else None
