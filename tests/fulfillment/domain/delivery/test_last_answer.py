"""A delivery knows what its last attempt came to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from fulfillment.domain.delivery import attempts, queue
from fulfillment.models import Delivery, ErrorClass, LastAnswer, WebhookEndpoint
from scripts.ports import free_port
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.fulfillment.receiver import Receiver

LATER = timedelta(hours=1)


def answer_of(delivery: Delivery) -> str:
    return Delivery.objects.get(pk=delivery.pk).last_answer


@pytest.fixture
def delivery(endpoint: WebhookEndpoint, receiver: Receiver, signing_key: Any, now: datetime) -> Delivery:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=receiver.url)
    return make_delivery(endpoint, now)


@pytest.mark.parametrize(("status", "answer"), [(204, "2xx"), (302, "3xx"), (410, "4xx"), (503, "5xx")])
def test_what_the_server_answered(
    delivery: Delivery, receiver: Receiver, now: datetime, status: int, answer: str
) -> None:
    assert answer_of(delivery) == ""
    receiver.answers(status)
    deliver_due(now)
    assert answer_of(delivery) == answer


def test_the_last_attempt_counts(delivery: Delivery, receiver: Receiver, now: datetime) -> None:
    receiver.answers(500)
    deliver_due(now)
    receiver.answers(200)
    deliver_due(now + LATER)
    assert answer_of(delivery) == "2xx"


def test_a_server_that_is_not_there(delivery: Delivery, now: datetime) -> None:
    WebhookEndpoint.objects.update(url=f"http://127.0.0.1:{free_port()}/")
    deliver_due(now)
    assert answer_of(delivery) == "refused"


def test_a_crash_and_what_really_happened_then(delivery: Delivery, now: datetime) -> None:
    (lease,) = queue.take_due(limit=1, now=now)
    late = attempts.send(lease, keys=[], now=now)
    late.status, late.error_class = 200, ""
    queue.take_due(
        limit=1, now=now + timedelta(seconds=21)
    )  # the lease is over: another worker writes the crash
    assert Delivery.objects.get(pk=delivery.pk).attempt_count == 2  # and leases the next attempt at once
    assert answer_of(delivery) == "drops"
    attempts.write_outcomes([attempts.Outcome(lease, late)])
    assert answer_of(delivery) == "drops"  # an older attempt than the one under way

    Delivery.objects.filter(pk=delivery.pk).update(attempt_count=1)
    attempts.write_outcomes([attempts.Outcome(lease, late)])
    assert answer_of(delivery) == "2xx"


def test_every_kind_of_error_has_its_answer() -> None:
    kinds = {error: LastAnswer.of(None, error) for error in ErrorClass}
    assert kinds[ErrorClass.TIMEOUT] == kinds[ErrorClass.CONNECT_TIMEOUT] == LastAnswer.TIMEOUT
    assert kinds[ErrorClass.CONNECT] == LastAnswer.REFUSED
    assert kinds[ErrorClass.CRASHED] == kinds[ErrorClass.SIGNING] == LastAnswer.OURS
    assert LastAnswer.of(101, "") == LastAnswer.of(700, "") == LastAnswer.BROKEN
    for status in (200, 299, 301, 404, 599):
        assert LastAnswer.of(status, "") == f"{status // 100}xx"
