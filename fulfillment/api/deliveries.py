"""Where the claims' webhooks are: every delivery with every attempt."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.models import parse_ulid
from config.api.envelope import ok
from config.api.schema import (
    EXAMPLE_ULID,
    choice,
    documented,
    page_parameters,
    parameter,
    path_parameter,
    text,
)
from config.api.views import Query
from drops.api.schema import page_of
from fulfillment.api.schema import LISTED_DELIVERY, WHOLE_DELIVERY
from fulfillment.models import Attempt, Delivery, DeliveryState


class DeliveriesView(OrganizationView):
    """The organization's deliveries, oldest first."""

    @documented(
        "Deliveries",
        "deliveries",
        "Your webhook deliveries with their attempts, oldest first",
        page_of("deliveries", LISTED_DELIVERY),
        parameters=[
            parameter("state", choice(*DeliveryState.values), "In this state.", example="pending"),
            parameter("claim_id", text(), "Of this claim.", example=EXAMPLE_ULID),
            *page_parameters(most=100),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        query = Query(request.query_params)
        limit = query.integer("limit", default=10, least=1, most=100)
        without_exchanges = Attempt.objects.defer("request_headers", "response_headers", "response_body")
        deliveries = _deliveries(self.organization_id).prefetch_related(
            Prefetch("attempts", without_exchanges)
        )
        if (after := query.ulid("cursor")) is not None:
            deliveries = deliveries.filter(pk__gt=after)
        if state := query.choice("state", among=("", *DeliveryState.values), default=""):
            deliveries = deliveries.filter(state=state)
        if state == DeliveryState.FAILED:
            deliveries = deliveries.filter(claim__isnull=False)  # a test that failed is over: nothing waits
        if claim_id := query.text("claim_id", max_length=255):
            ulid = parse_ulid(claim_id)
            deliveries = deliveries.filter(claim=ulid) if ulid else deliveries.none()
        rows = [_shape(delivery) for delivery in deliveries.order_by("pk")[: limit + 1]]
        return ok({"deliveries": rows[:limit], "cursor": rows[limit - 1]["id"] if len(rows) > limit else ""})


class DeliveryView(OrganizationView):
    """One delivery, and what was said in each attempt."""

    @documented(
        "Deliveries",
        "delivery",
        "One delivery, and what was said in each attempt",
        WHOLE_DELIVERY,
        parameters=[path_parameter("delivery_id", "The delivery's id.")],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, delivery_id: str) -> HttpResponse:
        delivery = _deliveries(self.organization_id).filter(pk=parse_ulid(delivery_id)).first()
        if delivery is None:
            raise NotFound(f"No such delivery: {delivery_id[:40]}.")
        exchanges = [_attempt(attempt) | _exchange(attempt) for attempt in delivery.attempts.all()]
        return ok(_shape(delivery) | {"body": _text(delivery.body), "attempts": exchanges})


def _deliveries(organization_id: str) -> QuerySet[Delivery]:
    return Delivery.objects.filter(endpoint__organization=organization_id).select_related("endpoint")


def _shape(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.pk,
        "claim_id": delivery.claim_id or "",
        "endpoint_id": delivery.endpoint_id,
        "url": delivery.endpoint.address,
        "event_type": delivery.event_type,
        "state": delivery.state,
        "created_at": delivery.created_at,
        "delivered_at": delivery.delivered_at,
        "next_attempt_at": delivery.next_attempt_at,
        "attempts": [_attempt(attempt) for attempt in delivery.attempts.all()],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "trigger": attempt.trigger,
        "started_at": attempt.started_at,
        "duration_ms": attempt.duration_ms,
        "status": attempt.status,
        "error_class": attempt.error_class,
        "error": attempt.error,
    }


def _exchange(attempt: Attempt) -> dict[str, Any]:
    return {
        "request_headers": attempt.request_headers,
        "response_headers": attempt.response_headers,
        "response_body": _text(attempt.response_body),
    }


def _text(raw: bytes | memoryview) -> str:
    """What a receiver answered need not be text."""
    return bytes(raw).decode("utf-8", errors="replace")
