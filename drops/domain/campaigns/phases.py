"""What the clock does to a campaign, noted as rows.

Nothing moves a campaign from phase to phase: `Campaign.phase` is computed. This notes, once, that a
change came and when. In the same transaction members are told of those that concern them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from drops.domain import notices
from drops.models import Campaign, PhaseChange, PhaseChangeKind

DAY = timedelta(days=1)
# Nobody is told of a change that came so long before it was noted, after an outage.
TOO_OLD = DAY


def phase_changes_due(campaign: Campaign, *, now: datetime) -> Iterator[tuple[PhaseChangeKind, datetime]]:
    """The changes of a published campaign that have come by `now`, each with its moment.

    A campaign published late changes when it is published. A withdrawn one stops changing, but for
    the end of its claims, which was promised to those who had earned something.
    """
    if campaign.published_at is None:
        return
    moments = [
        (PhaseChangeKind.ANNOUNCED, campaign.announces_at),
        (PhaseChangeKind.STARTED, campaign.starts_at),
        (
            PhaseChangeKind.FIRST_DAY,
            min(max(campaign.starts_at, campaign.published_at) + DAY, campaign.ends_at),
        ),
        (PhaseChangeKind.LAST_DAY, max(campaign.ends_at - DAY, campaign.starts_at)),
        (PhaseChangeKind.ENDED, campaign.ends_at),
        (PhaseChangeKind.LAST_CHANCE, max(campaign.closes_at - DAY, campaign.ends_at)),
        (PhaseChangeKind.CLOSED, campaign.closes_at),
    ]
    for kind, moment in moments:
        due = max(moment, campaign.published_at)
        stopped = campaign.withdrawn_at is not None and campaign.withdrawn_at <= due
        if due <= now and (not stopped or kind.outlives_withdrawal):
            yield kind, due


def note_phase_changes(*, now: datetime) -> list[PhaseChange]:
    """Write a row for every phase change that has come and has none yet; returns the missing ones.

    Safe to run at any time, late, twice or in two places at once: a constraint lets each change in
    once. A change that was missed while nothing ran keeps its own moment in `due_at`.
    """
    noted: list[PhaseChange] = []
    for campaign in _changing(now).select_related("organization"):
        missing = [
            PhaseChange(campaign=campaign, kind=kind, due_at=due, noted_at=now)
            for kind, due in _not_noted(campaign, now)
        ]
        if missing:
            _note(missing, now)
            noted += missing
    return noted


def late(*, now: datetime) -> list[datetime]:
    """The moments of the changes that have come and are not noted yet."""
    return [due for campaign in _changing(now) for _kind, due in _not_noted(campaign, now)]


def _changing(now: datetime) -> QuerySet[Campaign]:
    """Campaigns that may have a change to note, with those that were."""
    return (
        Campaign.objects.filter(published_at__lte=now, announces_at__lte=now)
        .exclude(phase_changes__kind=PhaseChangeKind.CLOSED)
        .prefetch_related("phase_changes")
    )


def _not_noted(campaign: Campaign, now: datetime) -> Iterator[tuple[PhaseChangeKind, datetime]]:
    known = {change.kind for change in campaign.phase_changes.all()}
    return (change for change in phase_changes_due(campaign, now=now) if change[0] not in known)


@transaction.atomic
def _note(missing: list[PhaseChange], now: datetime) -> None:
    PhaseChange.objects.bulk_create(missing, ignore_conflicts=True)
    for change in missing:
        if change.due_at > now - TOO_OLD:
            notices.tell(change, now=now)
