"""Reads rehearsals, for the page that follows one and for the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet

from fulfillment.domain.rehearsals.words import Told, told
from fulfillment.models import (
    Attempt,
    Claim,
    Delivery,
    Rehearsal,
    RehearsalState,
    RehearsalStep,
    StepKind,
    StepState,
)

SHOWN = 10
MOST_EXCHANGES = 5


@dataclass(frozen=True, slots=True)
class StepReport:
    """One of the four steps; `step` None: it has not been taken."""

    kind: StepKind
    step: RehearsalStep | None
    told: Told | None

    @property
    def state(self) -> str:
        return self.step.state if self.step else "open"


class Exchange(NamedTuple):
    """A delivery, and what was said in its attempt; None: there was none yet."""

    delivery: Delivery
    attempt: Attempt | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a run has come to. `state` is that of the run; a run that nobody goes on with has failed.

    `exchanges`: what the studio's servers were sent and answered.
    """

    rehearsal: Rehearsal
    state: RehearsalState
    steps: Sequence[StepReport]
    claim: Claim | None
    exchanges: Sequence[Exchange]

    @property
    def is_open(self) -> bool:
        return self.state in (RehearsalState.RUNNING, RehearsalState.WAITING)

    @property
    def connect_url(self) -> str:
        """Where the member connects a game account, while the run waits for it; otherwise ""."""
        waits = self.state == RehearsalState.WAITING
        return self.rehearsal.organization.connect_url if waits else ""

    @property
    def duration_ms(self) -> int:
        """Of the steps that are done, without the time that the member took to connect."""
        return sum(
            (each.step.duration_ms or 0) for each in self.steps if each.step and each.kind != StepKind.LINK
        )


def with_reports(rehearsals: QuerySet[Rehearsal]) -> QuerySet[Rehearsal]:
    """Loaded with all that `report` reads: a constant number of queries."""
    deliveries = Delivery.objects.select_related("endpoint").order_by("pk")
    return rehearsals.select_related(
        "organization", "campaign", "reward", "viewer", "endpoint", "started_by", "started_by_app"
    ).prefetch_related(
        Prefetch("steps", RehearsalStep.objects.order_by("pk")),
        Prefetch("claims", Claim.objects.select_related("reward")),
        Prefetch("claims__deliveries", deliveries),
        Prefetch("claims__deliveries__attempts", Attempt.objects.order_by("number")),
    )


def report(rehearsal: Rehearsal, *, now: datetime) -> Report:
    """See `Report`. No query, for one that was loaded `with_reports`."""
    taken = {StepKind(step.kind): step for step in rehearsal.steps.all()}
    state = RehearsalState(rehearsal.state)
    if rehearsal.is_overdue(now):
        state = RehearsalState.FAILED
        kind = next(kind for kind in StepKind if kind not in taken or taken[kind].state == StepState.WAITING)
        taken[kind] = RehearsalStep(
            rehearsal=rehearsal, kind=kind, state=StepState.FAILED, code="broken_off", started_at=now
        )
    claim = next(iter(rehearsal.claims.all()), None)
    exchanges = [] if claim is None else [Exchange(each, _last(each)) for each in claim.deliveries.all()]
    steps = [
        StepReport(kind, taken.get(kind), told(taken[kind]) if kind in taken else None) for kind in StepKind
    ]
    return Report(rehearsal, state, steps, claim, exchanges[:MOST_EXCHANGES])


def _last(delivery: Delivery) -> Attempt | None:
    attempts = list(delivery.attempts.all())
    return attempts[-1] if attempts else None
