"""What was given up before the state had its new name is found under it, and back."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import IntegrityError, connection, transaction

from fulfillment.models import Delivery, DeliveryState, WebhookEndpoint
from tests.fulfillment.delivering import make_delivery

BEFORE, AFTER = "0001_initial", "0003_find_failed_deliveries"


def test_given_up_deliveries_are_failed(migrate, endpoint: WebhookEndpoint, now: datetime) -> None:
    failed = make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None).pk
    waiting = make_delivery(endpoint, now).pk

    def states() -> dict[str, str]:
        return dict(Delivery.objects.values_list("pk", "state"))

    migrate("fulfillment", BEFORE)
    assert states() == {failed: "held", waiting: "pending"}
    migrate("fulfillment", AFTER)
    assert states() == {failed: "failed", waiting: "pending"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=failed).update(state="held")
    with connection.cursor() as cursor:
        indexes = connection.introspection.get_constraints(cursor, Delivery._meta.db_table)
    assert "delivery_failed" in indexes
    assert "delivery_held" not in indexes
