"""Webhooks about campaigns: each phase change once to each endpoint that asks for its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import transaction

from drops.models import Campaign, PhaseChange, PhaseChangeKind
from fulfillment.domain.delivery.calling import call_workers
from fulfillment.models import CAMPAIGN_EVENT, CAMPAIGN_EVENTS, Delivery, Trigger, WebhookEndpoint

# As long as a delivery that fails is tried again.
WORTH_TELLING = timedelta(days=5)
# What warns of a moment says nothing once the moment is over.
_OVER: Mapping[str, Callable[[Campaign], datetime]] = {
    PhaseChangeKind.LAST_DAY: lambda campaign: campaign.ends_at,
    PhaseChangeKind.LAST_CHANCE: lambda campaign: campaign.closes_at,
}


def event_body(change: PhaseChange) -> bytes:
    """Compact JSON. The moments are in UTC and as they were when the change was noted."""
    campaign = change.campaign
    return orjson.dumps(
        {
            "campaign_id": campaign.pk,
            "event": str(change.kind),
            "at": _moment(change.due_at),
            "name": campaign.name,
            "announces_at": _moment(campaign.announces_at),
            "starts_at": _moment(campaign.starts_at),
            "ends_at": _moment(campaign.ends_at),
            "closes_at": _moment(campaign.closes_at),
            "test_mode": campaign.test_mode,
        }
    )


def write_deliveries(*, change: PhaseChange, now: datetime, **_: Any) -> None:
    """Receives `phase_noted`: the deliveries, in the transaction that notes the change. Workers make the attempts."""
    campaign = change.campaign
    over = _OVER.get(change.kind)
    if (
        change.kind not in CAMPAIGN_EVENTS
        or not campaign.organization.is_active
        or change.due_at <= now - WORTH_TELLING
        or (over is not None and over(campaign) <= now)
    ):
        return
    endpoints = WebhookEndpoint.objects.filter(organization=campaign.organization_id, deleted_at=None)
    asking = [
        endpoint
        for endpoint in endpoints.exclude(campaign_events="")
        if change.kind in endpoint.campaign_events.split()
    ]
    body = event_body(change)
    Delivery.objects.bulk_create(
        Delivery(
            endpoint=endpoint,
            phase_change=change,
            event_type=f"{CAMPAIGN_EVENT}{change.kind}",
            body=body,
            trigger=Trigger.CAMPAIGN,
            next_attempt_at=now,
            created_at=now,
        )
        for endpoint in asking
    )
    if asking:
        transaction.on_commit(call_workers, robust=True)


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
