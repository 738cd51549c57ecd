"""Viewers are told of a phase change in batches, however many they are.

A `Telling` says whom to tell of what, and how far that has come; a batch and the place up to which it reaches commit
together. So it goes on after whatever kills it, two workers do not do the same, and nobody is told twice. Before each
batch it is asked whether there is still something to tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet

from accounts.domain.notices import viewers
from accounts.domain.notices.kinds import Kind
from drops.models import CampaignReward, Follow, PhaseChange, PhaseChangeKind, Progress, Telling

BATCH = 2_000
# Seconds of a run.
TURN = 4.0

# The next viewers of a telling, by group and id: at most so many, after those who were told.
Audience = Callable[[Telling, int], Sequence[tuple[int, int]]]


def _followers(what: str) -> Audience:
    def audience(telling: Telling, limit: int) -> Sequence[tuple[int, int]]:
        key = (
            telling.change.campaign_id
            if what == "campaign"
            else getattr(telling.change.campaign, f"{what}_id")
        )
        rows = Follow.objects.filter(**{f"{what}_id": key}, viewer__gt=telling.after)
        return [(0, viewer) for viewer in rows.order_by("viewer").values_list("viewer", flat=True)[:limit]]

    return audience


def _followers_of_channels(telling: Telling, limit: int) -> Sequence[tuple[int, int]]:
    """One channel of the allow-list after the other."""
    allowed = telling.change.campaign.allowed_channels
    found: list[tuple[int, int]] = []
    group, after = telling.group, telling.after
    while len(found) < limit:
        rows = Follow.objects.filter(channel=group, viewer__gt=after).order_by("viewer")
        found += [(group, viewer) for viewer in rows.values_list("viewer", flat=True)[: limit - len(found)]]
        if len(found) < limit:
            channels = allowed.filter(channel__gt=group, channel__follows__isnull=False).order_by("channel")
            following = channels.values_list("channel", flat=True).first()
            if following is None:
                break
            group, after = following, 0
    return found


def progress_of(telling: Telling) -> QuerySet[Progress]:
    """Of those who watched for the campaign and were not told, in the order of their ids."""
    rows = Progress.objects.filter(campaign=telling.change.campaign_id, viewer__gt=telling.after)
    return rows.order_by("viewer")


def _with_more_to_earn(telling: Telling, limit: int) -> Sequence[tuple[int, int]]:
    attached = CampaignReward.objects.filter(campaign=telling.change.campaign_id)
    most = attached.aggregate(most=Max("required_minutes"))["most"] or 0
    rows = progress_of(telling).filter(seconds__gt=0, seconds__lt=most * 60)
    return [(0, viewer) for viewer in rows.values_list("viewer", flat=True)[:limit]]


AUDIENCES: dict[str, Audience] = {
    **{what: _followers(what) for what in ("campaign", "organization", "category")},
    "channels": _followers_of_channels,
    "more_to_earn": _with_more_to_earn,
}
# Of the next viewers of an audience, those who are to be told: for what is read of few at a time.
NARROWED: dict[str, Callable[[Telling, Sequence[int]], Sequence[int]]] = {}
# What each change tells to whom; a layer above adds its own.
TOLD: dict[str, tuple[Kind, Sequence[str]]] = {}


def begin(*, change: PhaseChange, now: datetime) -> None:
    """In the transaction that notes the change: viewers are to be told, if there is something to tell."""
    campaign = change.campaign
    if change.kind not in TOLD or campaign.test_mode or not campaign.organization.is_active:
        return
    kind, audiences = TOLD[change.kind]
    if kind.is_current(campaign, {}, now):
        Telling.objects.bulk_create(
            Telling(change=change, audience=audience, created_at=now)
            for audience in audiences
            if audience != "category" or campaign.category_id is not None
        )


def go_on(*, clock: Callable[[], datetime], seconds: float = TURN) -> int:
    """Tell the next viewers, for about `seconds`. Returns how many. Not to be called in a transaction."""
    until, told = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        found = _batch(clock())
        if found is None:
            break
        told += found
    return told


@transaction.atomic
def _batch(now: datetime) -> int | None:
    """Tell a batch of the oldest telling that nobody works at; None where there is none."""
    telling = (
        Telling.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(done_at=None)
        .select_related("change__campaign__organization")
        .order_by("created_at", "pk")
        .first()
    )
    if telling is None:
        return None
    campaign = telling.change.campaign
    kind, _audiences = TOLD[telling.change.kind]
    found: Sequence[tuple[int, int]] = ()
    if not campaign.test_mode and campaign.organization.is_active and kind.is_current(campaign, {}, now):
        found = AUDIENCES[telling.audience](telling, BATCH)
    if found:
        ids = sorted({viewer for _group, viewer in found})
        if telling.audience in NARROWED:
            ids = sorted(NARROWED[telling.audience](telling, ids))
        once = telling.change.due_at.isoformat()
        telling.told += viewers.tell(kind, about=campaign, once=once, viewers=ids, now=now)
        telling.group, telling.after = found[-1]
    if len(found) < BATCH:
        telling.done_at = now
    telling.save()
    return len(found)


def register(change: PhaseChangeKind, kind: Kind, *audiences: str) -> None:
    TOLD[change] = (kind, audiences)
