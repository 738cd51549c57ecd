"""Claims by how far they have come at an endpoint."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fulfillment.domain.claims.reading import ClaimFilter
from fulfillment.domain.delivery.reading import Arrival, claims_at
from fulfillment.models import DeliveryState
from tests.fulfillment.delivering import make_claim, make_delivery

pytestmark = pytest.mark.django_db


def test_claims_are_found_by_how_far_they_have_come(endpoint, studio, rival_studio, now):
    arrived = make_delivery(
        endpoint, now, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=now
    ).claim
    waiting = make_delivery(endpoint, now).claim
    never = make_claim(studio, now - timedelta(days=1))
    make_claim(rival_studio, now)

    found = {arrival: set(claims_at(endpoint, ClaimFilter(), arrival)) for arrival in Arrival}

    assert found == {
        Arrival.ANY: {arrived, waiting, never},
        Arrival.DELIVERED: {arrived},
        Arrival.UNDELIVERED: {waiting, never},
        Arrival.NEVER_SENT: {never},
    }
    assert not claims_at(endpoint, ClaimFilter(campaign_id=arrived.campaign_id), Arrival.UNDELIVERED)
