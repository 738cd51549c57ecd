"""Deliveries of before know their last answer, each as one that is made now would."""

from __future__ import annotations

from datetime import datetime

import pytest

from fulfillment.models import Attempt, Delivery, ErrorClass, LastAnswer, WebhookEndpoint
from tests.fulfillment.delivering import make_delivery

BEFORE, AFTER = "0016_find_recent_rehearsals", "0017_note_last_answers_and_find_short_ids"


@pytest.mark.django_db(transaction=True)
def test_each_delivery_has_the_answer_of_its_last_attempt(
    migrate, endpoint: WebhookEndpoint, now: datetime
) -> None:
    expected = {make_delivery(endpoint, now).pk: ""}
    outcomes = [(status, "") for status in (101, 200, 302, 404, 500, 700)] + [
        (None, kind) for kind in ErrorClass
    ]
    for status, error_class in outcomes:
        delivery = make_delivery(endpoint, now, attempt_count=2)
        for number, answer in enumerate([(200, ""), (status, error_class)], start=1):
            Attempt.objects.create(
                delivery=delivery,
                endpoint=endpoint,
                number=number,
                trigger="claim",
                started_at=now,
                status=answer[0],
                error_class=answer[1],
            )
        expected[delivery.pk] = LastAnswer.of(status, error_class)

    migrate("fulfillment", BEFORE)
    migrate("fulfillment", AFTER)
    assert dict(Delivery.objects.values_list("pk", "last_answer")) == expected
