"""Once a minute the clock notes how each live campaign stands, so that a launch can be looked at again.

A row is written by whoever comes first in its minute, and a constraint lets no second one in. What nobody noted in its
minute stays a gap: figures of another moment would be an invention.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from config.rows import delete_in_parts
from drops.models import Campaign, CampaignPhase
from fulfillment.domain.war_room.figures import ChannelFigures, EndpointFigures, Figures, figures
from fulfillment.models import CampaignMinute

MINUTE = timedelta(minutes=1)

logger = structlog.get_logger(__name__)


def start_of_minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def note_minutes(*, now: datetime) -> int:
    """Note the minute of `now` of each live campaign that has no row of it yet. Returns how many were noted.

    A campaign in test mode has no figures, and so no rows.
    """
    minute = start_of_minute(now)
    noted = CampaignMinute.objects.filter(minute=minute).values("campaign")
    live = (
        Campaign.objects.in_phase(CampaignPhase.LIVE, now=now)
        .filter(published_at__isnull=False, withdrawn_at=None, starts_at__lte=now, ends_at__gt=now)
        .filter(test_mode=False)
        .exclude(pk__in=noted)
        .select_related("organization")
    )
    written = 0
    for campaign in live.order_by("pk"):
        try:
            written += _note(campaign, minute, now)
        except Exception:  # the others do not wait for this one
            logger.exception("minute_not_noted", campaign=campaign.pk)
    return written


def _note(campaign: Campaign, minute: datetime, now: datetime) -> int:
    found = figures(campaign, now=now)
    row = CampaignMinute(
        campaign=campaign,
        minute=minute,
        taken_at=now,
        watching=found.watching,
        streams=found.streams,
        seconds=found.seconds,
        viewers=found.viewers,
        reached=found.reached,
        claims=found.claims,
        claimed=found.claimed,
        delivered=found.delivered,
        on_its_way=found.on_its_way,
        needs_you=found.needs_you,
        many=found.many,
        oldest_seconds=found.oldest_seconds,
        endpoints=found.endpoints,
        channels=found.channels,
    )
    CampaignMinute.objects.bulk_create([row], ignore_conflicts=True)
    return 1


def figures_of(row: CampaignMinute) -> Figures:
    return Figures(
        at=row.taken_at,
        watching=row.watching,
        streams=row.streams,
        seconds=row.seconds,
        viewers=row.viewers,
        reached=row.reached,
        claims=row.claims,
        claimed=row.claimed,
        delivered=row.delivered,
        on_its_way=row.on_its_way,
        needs_you=row.needs_you,
        many=row.many,
        oldest_seconds=row.oldest_seconds,
        endpoints=[EndpointFigures(*each) for each in row.endpoints],
        channels=[ChannelFigures(*each) for each in row.channels],
    )


def minutes_of(campaign: Campaign, *, since: datetime, until: datetime) -> Sequence[CampaignMinute]:
    """The rows from `since` to `until`, both included, oldest first. Gaps are missing. One query."""
    own = CampaignMinute.objects.filter(campaign=campaign)
    return list(own.filter(minute__gte=since, minute__lte=until).order_by("minute"))


def first_and_last(campaign: Campaign) -> tuple[datetime, datetime] | None:
    """The first and the last minute that were noted; None if there are none. Two queries by the index."""
    own = CampaignMinute.objects.filter(campaign=campaign).values_list("minute", flat=True)
    first, last = own.order_by("minute").first(), own.order_by("-minute").first()
    return (first, last) if first is not None and last is not None else None


def purge(*, before: datetime) -> int:
    """Delete the minutes before `before`. Returns how many there were."""
    return delete_in_parts(CampaignMinute.objects.filter(minute__lt=before).order_by("minute"))
