"""What was given up before the state had its new name is found under it, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from fulfillment.models import Delivery, DeliveryState, WebhookEndpoint
from tests.fulfillment.delivering import make_delivery

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = "0001_initial", "0003_find_failed_deliveries"


def migrate(name: str | None = None) -> None:
    executor = MigrationExecutor(connection)
    leaves = [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] == "fulfillment"]
    executor.migrate([("fulfillment", name)] if name else leaves)


@pytest.fixture
def _at_the_end_the_newest() -> Iterator[None]:
    yield
    migrate()


@pytest.mark.usefixtures("_at_the_end_the_newest")
def test_given_up_deliveries_are_failed(endpoint: WebhookEndpoint, now: datetime) -> None:
    failed = make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None).pk
    waiting = make_delivery(endpoint, now).pk

    def states() -> dict[str, str]:
        return dict(Delivery.objects.values_list("pk", "state"))

    migrate(BEFORE)
    assert states() == {failed: "held", waiting: "pending"}
    migrate(AFTER)
    assert states() == {failed: "failed", waiting: "pending"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=failed).update(state="held")
    with connection.cursor() as cursor:
        indexes = connection.introspection.get_constraints(cursor, Delivery._meta.db_table)
    assert "delivery_failed" in indexes
    assert "delivery_held" not in indexes
