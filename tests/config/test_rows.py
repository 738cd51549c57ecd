"""Rows by hand-written statements are the rows that the ORM writes and reads."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError

from config.rows import insert
from fulfillment.models import Attempt, Delivery, WebhookEndpoint
from tests import factories

pytestmark = pytest.mark.django_db


def columns(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def delivery(endpoint: WebhookEndpoint, now: Any) -> Delivery:
    return Delivery(
        endpoint=endpoint,
        event_type="drops.test",
        body=b"\x00{}",
        trigger="test",
        next_attempt_at=now,
        created_at=now,
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_inserted_rows_are_read_as_they_were(now, count):
    endpoint = factories.WebhookEndpointFactory()
    written = [delivery(endpoint, now) for _ in range(count)]

    insert(written)

    read = {row.pk: row for row in Delivery.objects.all()}
    assert {row.pk: columns(row) for row in written} == {
        pk: columns(row) | {"body": bytes(row.body)} for pk, row in read.items()
    }


def test_a_key_of_the_database_is_left_to_it(now):
    sent = delivery(factories.WebhookEndpointFactory(), now)
    insert([sent])
    attempts = [
        Attempt(
            delivery=sent, endpoint=sent.endpoint, number=number, trigger="test", started_at=now,
            request_headers={"number": number},
        )
        for number in (1, 2)
    ]  # fmt: skip

    insert(attempts)

    assert [row.request_headers for row in Attempt.objects.order_by("pk")] == [{"number": 1}, {"number": 2}]


def test_what_the_database_refuses_is_an_error(now):
    sent = delivery(factories.WebhookEndpointFactory(), now)
    insert([sent])

    with pytest.raises(IntegrityError):
        insert([sent])
