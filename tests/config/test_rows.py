"""Rows by hand-written statements are the rows that the ORM writes and reads."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError
from django.forms.models import model_to_dict

from config.rows import insert, select
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


def test_selected_rows_are_those_of_the_orm_with_what_else_was_asked_for(now):
    made = factories.WebhookEndpointFactory(verified_at=now)

    (read,) = select(
        WebhookEndpoint,
        "SELECT endpoint.*, 1 + %s AS sum FROM fulfillment_webhookendpoint endpoint",
        [41],
    )

    assert columns(read) == columns(WebhookEndpoint.objects.get(pk=made.pk))
    assert model_to_dict(read) == model_to_dict(made)
    assert read.sum == 42
    assert not read._state.adding


def test_fields_that_were_not_asked_for_are_read_when_needed(django_assert_num_queries):
    made = factories.WebhookEndpointFactory()
    (read,) = select(WebhookEndpoint, "SELECT id FROM fulfillment_webhookendpoint", [])

    with django_assert_num_queries(1):
        assert read.url == made.url
