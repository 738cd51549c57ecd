"""Takes the steps of a rehearsal, one transaction each, whoever calls: the request that started it, then the clock.

What was done is in the rows. A process that is killed between two steps leaves the rest to the next caller, and a
run that nobody went on with in time has failed. A step is taken under the lock of the run's row, so two callers
take none twice. The claim leaves by the same queue, attempts and signatures as any claim.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.domain import links, permissions
from accounts.domain.permissions import Action
from config.rows import insert
from drops.domain.campaigns.participation import livestreams_for
from drops.domain.watch.grants import grant_minutes, why_not_grant
from drops.models import CampaignPhase, GrantReason
from fulfillment.domain.claims.claiming import draw_id
from fulfillment.domain.delivery import attempts, bulkhead, queue
from fulfillment.domain.delivery.status import ASKS_FOR_CLAIMS, TAKES_CLAIMS
from fulfillment.models import (
    OPEN_STATES,
    Claim,
    Delivery,
    DeliveryState,
    Rehearsal,
    RehearsalState,
    RehearsalStep,
    StepKind,
    StepState,
)

# How long the steps may take, from the start or from the moment when the game account is connected.
LASTS = timedelta(seconds=60)
# How long a run waits for its member to connect a game account.
LINK_WITHIN = timedelta(minutes=30)
AT_ONCE = 50

logger = structlog.get_logger(__name__)


class _Step(NamedTuple):
    """What came of a step. WAITING: there is nothing to do for now."""

    state: StepState
    code: str
    data: dict[str, Any] = {}
    leases: tuple[queue.Lease, ...] = ()


def go_on(*, rehearsal_id: str, clock: Callable[[], datetime]) -> None:
    """Take every step that can be taken now, and make the first attempts of its claim. It takes three seconds
    at most, and may be called by anybody at any time. Not to be called in a transaction."""
    goes_on = True
    while goes_on:
        organization_id = Rehearsal.objects.values_list("organization", flat=True).get(pk=rehearsal_id)
        with bulkhead.slot(organization_id) as may_wait:
            now = clock()
            goes_on, leases = _take_step(rehearsal_id, now, may_wait)
            if leases:
                try:
                    attempts.attempt_leased(leases, now=now)
                except Exception:  # a worker notes the crash when the lease ends
                    logger.exception("rehearsal_not_attempted", rehearsal=rehearsal_id)


def go_on_with_all(*, clock: Callable[[], datetime]) -> int:
    """`go_on` with every run that is open. Returns how many there were."""
    open_runs = list(
        Rehearsal.objects.filter(state__in=OPEN_STATES)
        .order_by("until")
        .values_list("pk", flat=True)[:AT_ONCE]
    )
    for rehearsal_id in open_runs:
        try:
            go_on(rehearsal_id=rehearsal_id, clock=clock)
        except Exception:  # the others do not wait for this one
            logger.exception("rehearsal_not_gone_on_with", rehearsal=rehearsal_id)
    return len(open_runs)


@transaction.atomic(durable=True)
def _take_step(rehearsal_id: str, now: datetime, may_wait: bool) -> tuple[bool, tuple[queue.Lease, ...]]:
    """Take the next step. False: the run is over, or waits for somebody."""
    began = time.monotonic()
    rehearsal = (
        Rehearsal.objects.select_for_update(no_key=True, of=("self",))
        .select_related("campaign__organization", "reward", "viewer", "endpoint", "grant")
        .get(pk=rehearsal_id)
    )
    if not rehearsal.is_open:
        return False, ()
    steps = {StepKind(step.kind): step for step in rehearsal.steps.all()}
    kind = next(kind for kind in StepKind if kind not in steps or steps[kind].state == StepState.WAITING)
    if rehearsal.is_overdue(now):
        late = {StepKind.LINK: "not_linked", StepKind.DELIVERY: "not_in_time"}
        end(rehearsal, now=now, code=late[kind] if kind in steps and kind in late else "broken_off")
        return False, ()
    if refusal := _refusal(rehearsal, kind, now):
        end(rehearsal, now=now, code=refusal)
        return False, ()
    taken = _STEPS[kind](rehearsal, now, may_wait)
    took = int((time.monotonic() - began) * 1000)
    _write(rehearsal, kind, taken, now, took)
    if taken.state == StepState.FAILED:
        _close(rehearsal, RehearsalState.FAILED, now)
        return False, ()
    if taken.state == StepState.WAITING:
        return False, ()
    if kind == StepKind.DELIVERY:
        _close(rehearsal, RehearsalState.PASSED, now)
        return False, ()
    return True, taken.leases


def _refusal(rehearsal: Rehearsal, kind: StepKind, now: datetime) -> str:
    """A code if what was so at the start is so no longer. What has left already is followed to its end."""
    if kind == StepKind.DELIVERY:
        return ""
    campaign = rehearsal.campaign
    if not permissions.state_allows(campaign.organization, Action.REHEARSE):
        return "not_active"
    over = campaign.phase(now) in (CampaignPhase.WITHDRAWN, CampaignPhase.CLOSED)
    if over or campaign.archived_at is not None or not campaign.test_mode:
        return "no_test_mode"
    return "no_member" if why_not_grant(campaign, rehearsal.viewer) else ""


def _watch(rehearsal: Rehearsal, now: datetime, may_wait: bool) -> _Step:
    """Grant the minutes, and look whether a stream would count."""
    campaign = rehearsal.campaign
    attached = campaign.campaign_rewards.filter(reward=rehearsal.reward).first()
    if attached is None:
        return _Step(StepState.FAILED, "not_attached")
    actor = rehearsal.started_by or rehearsal.started_by_app
    assert actor is not None  # noqa: S101 - constraint rehearsal_by_somebody
    try:
        with transaction.atomic():
            rehearsal.grant = grant_minutes(
                campaign=campaign,
                viewer=rehearsal.viewer,
                minutes=attached.required_minutes,
                reason=GrantReason.REHEARSAL,
                actor=actor,
                now=now,
            )
    except ValidationError:
        return _Step(StepState.FAILED, "no_grant")
    rehearsal.save(update_fields=["grant"])
    stream = livestreams_for(campaign).select_related("channel").first()
    data = {"minutes": attached.required_minutes}
    if stream is None:
        return _Step(StepState.PASSED, "granted_no_stream", data)
    return _Step(StepState.PASSED, "granted", data | {"channel": stream.channel.slug})


def _link(rehearsal: Rehearsal, now: datetime, may_wait: bool) -> _Step:
    if links.is_linked(viewer=rehearsal.viewer, organization=rehearsal.campaign.organization):
        if rehearsal.state == RehearsalState.WAITING:
            rehearsal.state, rehearsal.until = RehearsalState.RUNNING, now + LASTS
            rehearsal.save(update_fields=["state", "until"])
        return _Step(StepState.PASSED, "linked")
    if rehearsal.stand_in:
        return _Step(StepState.SKIPPED, "stand_in")
    if rehearsal.state != RehearsalState.WAITING:
        rehearsal.state, rehearsal.until = RehearsalState.WAITING, now + LINK_WITHIN
        rehearsal.save(update_fields=["state", "until"])
    return _Step(StepState.WAITING, "not_linked")


def _claim(rehearsal: Rehearsal, now: datetime, may_wait: bool) -> _Step:
    """Write the claim and its deliveries. It needs no watch time but the granted minutes, and stands beside the
    member's own claims, which it does not touch."""
    campaign = rehearsal.campaign
    began = time.monotonic()
    claim_id = draw_id(campaign.organization_id, now)
    account = links.game_accounts_of(rehearsal.viewer).get(campaign.organization_id, "")
    claim = Claim(
        id=claim_id,
        organization_id=campaign.organization_id,
        viewer_id=rehearsal.viewer_id,
        campaign_id=campaign.pk,
        reward_id=rehearsal.reward_id,
        external_id=rehearsal.reward.external_id,
        game_account_id=account,
        test=True,
        rehearsal=rehearsal,
        created_at=now,
        updated_at=now,
    )
    insert([claim])
    ready = rehearsal.organization.webhook_endpoints.filter(TAKES_CLAIMS & ASKS_FOR_CLAIMS)
    if rehearsal.endpoint_id is not None:
        ready = ready.filter(pk=rehearsal.endpoint_id)
    at = now + timedelta(seconds=time.monotonic() - began)
    leases = queue.create_for_claim(
        claim=claim, now=at, lease=may_wait, only=set(ready.values_list("pk", flat=True))
    )
    return _Step(StepState.PASSED, "claimed", {"claim_id": claim_id}, tuple(leases))


def _deliver(rehearsal: Rehearsal, now: datetime, may_wait: bool) -> _Step:
    """What became of the deliveries: each is attempted once."""
    claim = rehearsal.claims.get()
    states = [delivery.state for delivery in claim.deliveries.all()]
    if not states:
        has_any = rehearsal.organization.webhook_endpoints.filter(deleted_at=None).exists()
        if has_any or rehearsal.endpoint_id is not None:
            return _Step(StepState.FAILED, "not_ready")
        return _Step(StepState.SKIPPED, "no_endpoint")
    if DeliveryState.PENDING in states:
        return _Step(StepState.WAITING, "on_its_way")
    if DeliveryState.FAILED in states:
        return _Step(StepState.FAILED, "not_delivered")
    return _Step(StepState.PASSED, "delivered")


_STEPS: dict[StepKind, Callable[[Rehearsal, datetime, bool], _Step]] = {
    StepKind.WATCH: _watch,
    StepKind.LINK: _link,
    StepKind.CLAIM: _claim,
    StepKind.DELIVERY: _deliver,
}


def _write(rehearsal: Rehearsal, kind: StepKind, taken: _Step, now: datetime, took: int) -> None:
    """A step that waited counts from when it began to, the delivery from the claim."""
    step = rehearsal.steps.filter(kind=kind).first()
    if step is None:
        claim = rehearsal.claims.first() if kind == StepKind.DELIVERY else None
        started_at = claim.created_at if claim else now
        step = RehearsalStep(rehearsal=rehearsal, kind=kind, started_at=started_at)
    step.state, step.code, step.data = taken.state, taken.code, taken.data
    if taken.state != StepState.WAITING:
        step.duration_ms = max(int((now - step.started_at).total_seconds() * 1000), 0) + took
    step.save()


def end(rehearsal: Rehearsal, *, now: datetime, code: str) -> None:
    """The run has failed at the step that is next, for the reason `code`. Its row is locked."""
    steps = {StepKind(step.kind): step for step in rehearsal.steps.all()}
    kind = next(kind for kind in StepKind if kind not in steps or steps[kind].state == StepState.WAITING)
    _write(rehearsal, kind, _Step(StepState.FAILED, code), now, 0)
    _close(rehearsal, RehearsalState.FAILED, now)


def _close(rehearsal: Rehearsal, state: RehearsalState, now: datetime) -> None:
    """What has not left by now does not leave any more."""
    rehearsal.state, rehearsal.ended_at = state, now
    rehearsal.save(update_fields=["state", "ended_at"])
    waiting = Delivery.objects.filter(
        claim__rehearsal=rehearsal, state=DeliveryState.PENDING, lease_token=None
    )
    waiting.update(state=DeliveryState.FAILED, next_attempt_at=None)
