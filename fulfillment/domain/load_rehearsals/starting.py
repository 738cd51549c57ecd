"""Begins and stops load rehearsals: who may, of which endpoint, how many."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions
from accounts.domain.permissions import Action
from accounts.models import User
from config.locks import lock
from fulfillment.domain.delivery.status import TAKES_CLAIMS, UNWELL, holds
from fulfillment.domain.load_rehearsals.firing import end_overdue
from fulfillment.models import OPEN_LOAD_STATES, LoadEnd, LoadRehearsal, LoadState, WebhookEndpoint

MOST_RATE, MOST_SECONDS = 50, 30
PER_DAY = 10
DAY = timedelta(days=1)
# How long a run waits for a worker.
TAKEN_WITHIN = timedelta(seconds=60)


@transaction.atomic
def start_load_rehearsal(
    *, endpoint: WebhookEndpoint, rate: int, seconds: int, actor: User, now: datetime
) -> LoadRehearsal:
    """Ask for a run. A worker begins it within seconds. ValidationError, by field where it is about one."""
    organization = endpoint.organization
    permissions.require(actor=actor, organization=organization, action=Action.SEND_TEST_EVENTS)
    organization = lock(organization)  # two at once would both be the last of the day
    endpoint = lock(endpoint)
    if refusal := why_not_fire(endpoint):
        raise ValidationError({"endpoint": refusal})
    if not 1 <= rate <= MOST_RATE:
        raise ValidationError({"rate": _("Choose 1 to %(most)d a second.") % {"most": MOST_RATE}})
    if not 1 <= seconds <= MOST_SECONDS:
        raise ValidationError({"seconds": _("Choose 1 to %(most)d seconds.") % {"most": MOST_SECONDS}})
    end_overdue(now=now)
    own = LoadRehearsal.objects.filter(organization=organization)
    if own.filter(created_at__gt=now - DAY).count() >= PER_DAY:
        raise ValidationError(
            _("At most %(count)d load rehearsals can be made in a day. Try again tomorrow.")
            % {"count": PER_DAY}
        )
    run = LoadRehearsal(
        organization=organization,
        endpoint=endpoint,
        url=endpoint.url,
        rate=rate,
        seconds=seconds,
        started_by=actor,
        created_at=now,
        until=now + TAKEN_WITHIN,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        raise ValidationError(
            _("A load rehearsal is under way. Wait until it has ended, or stop it.")
        ) from None
    data = {"rate": rate, "seconds": seconds}
    audit.record("endpoint.load_tested", endpoint, by=actor, at=now, data=data)
    return run


def why_not_fire(endpoint: WebhookEndpoint) -> str:
    """What the endpoint has against it. No query."""
    if not holds(TAKES_CLAIMS, endpoint):
        return _("Choose an endpoint that is verified and not held.")
    if holds(UNWELL, endpoint):
        return _("The endpoint is failing. Mend it first.")
    return ""


@transaction.atomic
def stop_load_rehearsal(*, run: LoadRehearsal, actor: User, now: datetime) -> None:
    """End a run: no further event is sent after a second. One that is over stays as it is."""
    permissions.require(actor=actor, organization=run.organization, action=Action.SEND_TEST_EVENTS)
    run = lock(run)
    if run.state not in OPEN_LOAD_STATES or run.stop_asked_at is not None:
        return
    run.stop_asked_at = now
    if run.state == LoadState.WAITING:
        run.state, run.why, run.ended_at = LoadState.STOPPED, LoadEnd.BY_MEMBER, now
    run.save(update_fields=["stop_asked_at", "state", "why", "ended_at"])
    audit.record("endpoint.load_stopped", run.endpoint, by=actor, at=now)
