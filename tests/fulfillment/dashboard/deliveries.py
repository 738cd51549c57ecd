"""Deliveries in a state, and the page that lists them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fulfillment.models import Attempt, Delivery, DeliveryState, WebhookEndpoint

LIST = "/dashboard/deliveries/"
MINUTE = timedelta(minutes=1)


def hold(endpoint: WebhookEndpoint, now: datetime) -> None:
    endpoint.held_at, endpoint.held_reason = now, "owner"
    endpoint.save()


def make_attempt(delivery: Delivery, now: datetime, number: int, **fields: Any) -> Attempt:
    return Attempt.objects.create(
        delivery=delivery,
        endpoint=delivery.endpoint,
        number=number,
        trigger="claim",
        started_at=now,
        **fields,
    )


def make_failed_test(endpoint: WebhookEndpoint, now: datetime) -> Delivery:
    return Delivery.objects.create(
        endpoint=endpoint, event_type="drops.test", body=b"{}", state=DeliveryState.FAILED, created_at=now
    )
