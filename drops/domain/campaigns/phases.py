"""What the clock does to a campaign, noted as rows.

Nothing moves a campaign from phase to phase: `Campaign.phase` is computed. This notes, once, that a
change came and when. What the change entails is written in the same transaction: notices to members
(`drops.domain.notices`), and what other parts connect to its signal.

`Campaign.next_change_at` says when a campaign has to be looked at. Whoever saves a moment of it empties
the field, and an empty one is looked at in the next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Max, Q, QuerySet

from drops.domain import notices
from drops.models import Campaign, PhaseChange, PhaseChangeKind

logger = structlog.get_logger(__name__)

DAY = timedelta(days=1)
# Members are not told of a change that came so long before it was noted, after an outage.
TOO_OLD = DAY
# A change that comes again because dates were moved is another one if it comes so much later.
ANOTHER = DAY
# `next_change_at` of a campaign that does not change any more.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
# Campaigns that are looked at in one run.
MOST = 1_000


def phase_changes(campaign: Campaign) -> Iterator[tuple[PhaseChangeKind, datetime]]:
    """The changes of a published campaign, each with its moment.

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
        (PhaseChangeKind.LAST_CHANCE, max(campaign.closes_at - DAY, campaign.starts_at)),
        (PhaseChangeKind.CLOSED, campaign.closes_at),
    ]
    for kind, moment in moments:
        due = max(moment, campaign.published_at)
        stopped = campaign.withdrawn_at is not None and campaign.withdrawn_at <= due
        if not stopped or kind.outlives_withdrawal:
            yield kind, due


def note_phase_changes(*, now: datetime) -> list[PhaseChange]:
    """Write a row for every phase change that has come and has none yet; returns the missing ones.

    Safe to run at any time, late, twice or in two places at once: the campaign is locked meanwhile. A
    change that was missed while nothing ran keeps its own moment in `due_at`.
    """
    noted: list[PhaseChange] = []
    for pk in list(_to_look_at(now).order_by("next_change_at", "pk").values_list("pk", flat=True)[:MOST]):
        try:
            noted += _note(pk, now)
        except DatabaseError:  # one that cannot be written must not keep the others
            logger.exception("phase_changes_not_noted", campaign=pk)
    return noted


def late(*, now: datetime) -> list[datetime]:
    """The moments of the changes that have come and are not noted yet."""
    return [
        due
        for campaign in _to_look_at(now)[:MOST]
        for _kind, due in _missing(campaign, _known(campaign), now)
    ]


def _to_look_at(now: datetime) -> QuerySet[Campaign]:
    """By the index `campaign_to_change`."""
    return Campaign.objects.filter(
        Q(next_change_at__lte=now) | Q(next_change_at=None), published_at__isnull=False
    )


@transaction.atomic
def _note(pk: str, now: datetime) -> list[PhaseChange]:
    """The missing changes of one campaign, what they entail, and when it changes next."""
    locked = Campaign.objects.select_for_update(no_key=True, of=("self",)).select_related("organization")
    campaign = locked.get(pk=pk)
    if campaign.next_change_at is not None and campaign.next_change_at > now:
        return []  # another worker was faster
    known = _known(campaign)
    missing = [
        PhaseChange(campaign=campaign, kind=kind, due_at=due, noted_at=now)
        for kind, due in _missing(campaign, known, now)
    ]
    PhaseChange.objects.bulk_create(missing)
    for change in missing:
        notices.tell(change, again=change.kind in known, in_time=change.due_at > now - TOO_OLD, now=now)
    to_come = (due for _kind, due in phase_changes(campaign) if due > now)
    Campaign.objects.filter(pk=pk).update(next_change_at=min(to_come, default=NEVER))
    return missing


def _known(campaign: Campaign) -> Mapping[str, datetime]:
    """The moment of the last change of each kind that was noted."""
    rows = campaign.phase_changes.order_by().values("kind").annotate(last=Max("due_at"))
    return dict(rows.values_list("kind", "last"))


def _missing(
    campaign: Campaign, known: Mapping[str, datetime], now: datetime
) -> Iterator[tuple[PhaseChangeKind, datetime]]:
    for kind, due in phase_changes(campaign):
        if due <= now and (kind not in known or due >= known[kind] + ANOTHER):
            yield kind, due
