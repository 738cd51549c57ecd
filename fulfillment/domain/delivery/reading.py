"""Deliveries as owners and operators look for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, F, Min, Prefetch, Q, QuerySet

from accounts.models import Organization, parse_ulid
from fulfillment.domain.delivery.status import DELIVERY_RULES, OF_CLAIM, DeliveryStatus
from fulfillment.models import Attempt, Delivery


def search_deliveries(deliveries: QuerySet[Delivery], term: str) -> QuerySet[Delivery]:
    """By the id of a delivery or of its claim. Nothing typed finds all, what is no id finds nothing."""
    term = term.strip()
    if not term:
        return deliveries
    ulid = parse_ulid(term)
    # Tests have no claim: that of no id must not be asked for.
    return deliveries.filter(Q(pk=ulid) | Q(claim=ulid)) if ulid else deliveries.none()


RECENT = timedelta(hours=24)


class DeliveryFigures(NamedTuple):
    """Deliveries by their status: `delivered` are claims of the last day, the others are those of now, tests
    included. `oldest_waiting` may be None."""

    delivered: int
    waiting: int
    held: int
    failed: int
    oldest_waiting: datetime | None


def delivery_figures(*, organization: Organization, now: datetime) -> DeliveryFigures:
    waiting = DELIVERY_RULES[DeliveryStatus.WAITING] & OF_CLAIM
    row = Delivery.objects.filter(endpoint__organization=organization).aggregate(
        delivered=Count(
            "pk",
            filter=DELIVERY_RULES[DeliveryStatus.DELIVERED] & OF_CLAIM & Q(delivered_at__gt=now - RECENT),
        ),
        waiting=Count("pk", filter=waiting),
        held=Count("pk", filter=DELIVERY_RULES[DeliveryStatus.HELD]),
        failed=Count("pk", filter=DELIVERY_RULES[DeliveryStatus.FAILED]),
        oldest_waiting=Min("created_at", filter=waiting),
    )
    return DeliveryFigures(**row)


def with_latest_attempts(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """The same deliveries, each with `latest_attempts`: the last that has ended, and perhaps the one before it,
    without what was said in them. One more query, however many they are."""
    # The last number is of the attempt under way, where there is one.
    latest = (
        Attempt.objects.filter(number__gt=F("delivery__attempt_count") - 2)
        .only("delivery_id", "number", "status", "error_class")
        .order_by("-number")
    )
    return deliveries.prefetch_related(Prefetch("attempts", latest, to_attr="latest_attempts"))
