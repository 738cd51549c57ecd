"""How far a rehearsal came."""

from __future__ import annotations

from fulfillment.models import Rehearsal


def steps(rehearsal: Rehearsal) -> dict[str, tuple[str, str]]:
    return {step.kind: (step.state, step.code) for step in rehearsal.steps.order_by("pk")}
