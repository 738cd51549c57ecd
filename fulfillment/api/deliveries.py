"""Where the claims' webhooks are: every delivery with every attempt."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.domain.permissions import Action
from accounts.models import parse_ulid
from config.api.envelope import ok
from config.api.schema import documented, path_parameter
from config.api.views import get_or_404, page_by_id
from fulfillment.api.serializers import (
    DeliveriesPageSerializer,
    DeliveriesQuery,
    DeliverySerializer,
    WholeDeliverySerializer,
)
from fulfillment.domain.delivery.status import OF_TEST
from fulfillment.models import Attempt, Delivery, DeliveryState


class DeliveriesView(OrganizationView):
    """The organization's deliveries, oldest first."""

    action = Action.SEE_CLAIMS

    @documented(
        "Deliveries",
        "deliveries",
        "Your webhook deliveries with their attempts, oldest first",
        DeliveriesPageSerializer(),
        parameters=[DeliveriesQuery],
    )
    def get(self, request: Request) -> HttpResponse:
        query = DeliveriesQuery.read(request.query_params)
        without_exchanges = Attempt.objects.defer("request_headers", "response_headers", "response_body")
        deliveries = _deliveries(self.organization_id).prefetch_related(
            Prefetch("attempts", without_exchanges)
        )
        if state := query["state"]:
            deliveries = deliveries.filter(state=state)
        if state == DeliveryState.FAILED:
            deliveries = deliveries.exclude(OF_TEST)  # a test that failed is over: nothing waits
        if claim_id := query["claim_id"]:
            ulid = parse_ulid(claim_id)
            deliveries = deliveries.filter(claim=ulid) if ulid else deliveries.none()
        rows, cursor = page_by_id(deliveries, after=query["cursor"], limit=query["limit"])
        return ok({"deliveries": DeliverySerializer(rows, many=True).data, "cursor": cursor})


class DeliveryView(OrganizationView):
    """One delivery, and what was said in each attempt."""

    action = Action.SEE_CLAIMS

    @documented(
        "Deliveries",
        "delivery",
        "One delivery, and what was said in each attempt",
        WholeDeliverySerializer(),
        parameters=[path_parameter("delivery_id", "The delivery's id.")],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, delivery_id: str) -> HttpResponse:
        delivery = get_or_404(_deliveries(self.organization_id), delivery_id, "delivery")
        return ok(WholeDeliverySerializer(delivery).data)


def _deliveries(organization_id: str) -> QuerySet[Delivery]:
    return Delivery.objects.filter(endpoint__organization=organization_id).select_related("endpoint")
