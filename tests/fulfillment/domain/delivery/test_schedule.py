"""When a delivery is tried again."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from fulfillment.domain.delivery.schedule import SCHEDULE
from fulfillment.models import Attempt
from tests import factories
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.fulfillment.receiver import Reply

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def test_the_schedule(endpoint, receiver, now):
    receiver.answers(500)
    delivery = make_delivery(endpoint, now)
    moment = now

    for planned in SCHEDULE:
        deliver_due(moment)
        delivery.refresh_from_db()
        wait = delivery.next_attempt_at - moment
        assert planned * 0.8 <= wait <= planned * 1.2 + 2 * SECOND
        moment = delivery.next_attempt_at

    attempts = Attempt.objects.filter(delivery=delivery)
    assert [attempt.number for attempt in attempts] == list(range(1, len(SCHEDULE) + 1))
    assert [attempt.trigger for attempt in attempts] == ["claim"] + ["retry"] * (len(SCHEDULE) - 1)
    assert {(attempt.status, attempt.error_class) for attempt in attempts} == {(500, "status")}


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ("120", 120 * SECOND),
        (format_datetime(factories.NOW + timedelta(hours=3), usegmt=True), timedelta(hours=3)),
        ("Fri, 20 Nov 2026 15:00:00 -0000", timedelta(hours=3)),
        ("999999999999", timedelta(hours=24)),
        ("Sat, 20 Nov 2027 12:00:00 GMT", timedelta(hours=24)),
        ("0", 4 * SECOND),
        ("-5", 4 * SECOND),
        ("Fri, 20 Nov 2020 12:00:00 GMT", 4 * SECOND),
        ("soon", 4 * SECOND),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 4 * SECOND),
        ("Fri, 20 Nov 2026 15:00:00 +99999999999999", 4 * SECOND),
        ("²", 4 * SECOND),
    ],
)
def test_retry_after_is_respected(endpoint, receiver, now, asked, least):
    receiver.answers(Reply(429, {"Retry-After": asked.encode().decode("latin-1")}))
    delivery = make_delivery(endpoint, now)

    deliver_due(now)

    delivery.refresh_from_db()
    assert least <= delivery.next_attempt_at - now <= least + 4 * SECOND
