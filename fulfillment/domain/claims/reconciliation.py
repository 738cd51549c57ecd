"""Claims that a studio was told of, and has said nothing about for longer than it wants to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.models import Organization
from config.csv_lines import csv_lines
from fulfillment.models import INITIATED, Delivery, WebhookEndpoint

HEADER = [
    "claim_id",
    "user_id",
    "campaign_id",
    "reward_id",
    "external_id",
    "external_status",
    "claimed_at",
    "delivered_at",
    "endpoint",
]


def unacknowledged(*, endpoint: WebhookEndpoint, now: datetime) -> QuerySet[Delivery]:
    """Deliveries that arrived longer ago than the endpoint's `acknowledge_within_hours`, whose claims are
    still “initiated”. Oldest first; none where the studio has set no time."""
    if endpoint.acknowledge_within_hours is None:
        return Delivery.objects.none()
    return (
        Delivery.objects.filter(
            endpoint=endpoint,
            delivered_at__lte=now - timedelta(hours=endpoint.acknowledge_within_hours),
            claim__external_status=INITIATED,
            claim__rehearsal=None,
        )
        .select_related("claim", "endpoint")
        .order_by("delivered_at")
    )


def expects_acknowledgement(*, organization: Organization) -> bool:
    """Whether `organization` has set a time to acknowledge within, at any endpoint: else none is ever late."""
    timed = organization.webhook_endpoints.filter(deleted_at=None, acknowledge_within_hours__isnull=False)
    return timed.exists()


def unacknowledged_csv(*, organization: Organization, now: datetime) -> Iterator[str]:
    """The lines of a CSV of `unacknowledged` over every endpoint of `organization`, the header first."""
    return csv_lines(_rows(organization, now))


def _rows(organization: Organization, now: datetime) -> Iterator[list[object]]:
    yield list(HEADER)
    for endpoint in organization.webhook_endpoints.filter(deleted_at=None):
        for delivery in unacknowledged(endpoint=endpoint, now=now).iterator():
            claim = delivery.claim
            assert claim is not None  # noqa: S101 - only claims have a status
            yield [
                claim.id,
                claim.viewer_id,
                claim.campaign_id,
                claim.reward_id,
                claim.external_id,
                claim.external_status,
                claim.created_at.isoformat(),
                delivery.delivered_at.isoformat() if delivery.delivered_at else "",
                str(endpoint),
            ]
