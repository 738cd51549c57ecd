"""The answers of an endpoint by the hour are what its attempts say, whether counted before or not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from fulfillment.domain.delivery.hours import (
    DAY,
    HOUR,
    Answers,
    answers_by_hour,
    count_hours,
    start_of_hour,
    together,
)
from fulfillment.models import Attempt, Delivery, EndpointHour, ErrorClass, WebhookEndpoint
from tests import factories
from tests.fulfillment.delivering import make_delivery
from tests.plans import analyze, empty, rows_read

MINUTE = timedelta(minutes=1)


@pytest.fixture
def endpoint(studio: Organization, now: datetime) -> WebhookEndpoint:
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(created_at=now - 10 * DAY)
    return WebhookEndpoint.objects.get(pk=endpoint.pk)


@pytest.fixture
def numbers() -> Iterator[int]:
    return iter(range(1, 100_000))


@pytest.fixture
def delivery(endpoint: WebhookEndpoint, now: datetime) -> Delivery:
    return make_delivery(endpoint, now)


def attempt(delivery: Delivery, number: int, at: datetime, **fields: object) -> Attempt:
    values = {"status": 200, "duration_ms": 10, "trigger": "claim"} | fields
    return Attempt.objects.create(
        delivery=delivery, endpoint=delivery.endpoint, number=number, started_at=at, **values
    )


def rounded(ms: int) -> int:
    return ms if ms < 100 else ms // 10 * 10 if ms < 1000 else ms // 100 * 100


def from_attempts(endpoint: WebhookEndpoint, now: datetime, hours: int) -> dict[datetime, tuple]:
    """Each hour once more, by reading every attempt."""
    last = start_of_hour(now)
    attempts = list(Attempt.objects.filter(endpoint=endpoint).select_related("delivery"))
    found = {}
    for hour in (last - number * HOUR for number in reversed(range(hours))):
        made = [
            each
            for each in attempts
            if each.delivery.claim_id
            and hour <= each.started_at < hour + HOUR
            and each.error_class not in (ErrorClass.CRASHED, ErrorClass.SIGNING)
        ]
        durations = sorted(rounded(each.duration_ms) for each in made if each.duration_ms is not None)
        found[hour] = (
            len(made),
            sum(each.succeeded for each in made),
            *(
                durations[min(len(durations) - 1, int(share * len(durations)))] if durations else None
                for share in (0.5, 0.95)
            ),
        )
    return found


def told(endpoint: WebhookEndpoint, now: datetime, hours: int) -> dict[datetime, tuple]:
    endpoint = WebhookEndpoint.objects.get(pk=endpoint.pk)
    by_hour = answers_by_hour(endpoint=endpoint, now=now, hours=hours)
    return {
        hour: (each.attempts, each.arrived, each.percentile(0.5), each.percentile(0.95))
        for hour, each in by_hour.items()
    }


@pytest.mark.parametrize("seed", range(2))
def test_hours_are_exact_before_and_after_they_are_counted(
    endpoint: WebhookEndpoint, delivery: Delivery, now: datetime, numbers: Iterator[int], seed: int
) -> None:
    choice = random.Random(seed)
    other = make_delivery(factories.WebhookEndpointFactory(organization=endpoint.organization), now)
    test = Delivery.objects.create(
        endpoint=endpoint, event_type="drops.test", body=b"{}", state="failed", created_at=now
    )
    for _ in range(120):
        error_class = choice.choice(["", "", "", "status", "crashed", "signing", "timeout"])
        attempt(
            choice.choice([delivery, delivery, delivery, other, test]),
            next(numbers),
            now - timedelta(seconds=choice.randrange(0, 200 * 3600)),
            status=choice.choice([200, 204, 500, None]),
            duration_ms=choice.choice([None, choice.randrange(1, 12_000), choice.randrange(1, 120)]),
            error_class=error_class,
        )
    expected = {hours: from_attempts(endpoint, now, hours) for hours in (24, 168)}
    assert any(attempts for attempts, *_ in expected[24].values())
    for counted_at in (None, now - 30 * HOUR, now - HOUR, now, now + MINUTE):
        if counted_at is not None:
            count_hours(now=counted_at)
        for hours in (24, 168):
            assert told(endpoint, now, hours) == expected[hours], counted_at


def test_an_outcome_that_was_written_late_is_counted_a_day_later(
    endpoint: WebhookEndpoint, delivery: Delivery, now: datetime
) -> None:
    attempt(delivery, 1, now - 2 * HOUR)
    count_hours(now=now)
    attempt(delivery, 2, now - 2 * HOUR, status=500)
    hour = start_of_hour(now - 2 * HOUR)
    assert told(endpoint, now, 24)[hour][:2] == (1, 1)
    for later in range(1, 25):  # the clock calls all the time
        count_hours(now=now + later * HOUR)
    assert told(endpoint, now + DAY, 168)[hour][:2] == (2, 1)


def test_an_hour_is_counted_once_it_is_settled(
    endpoint: WebhookEndpoint, delivery: Delivery, now: datetime
) -> None:
    attempt(delivery, 1, now - MINUTE)
    count_hours(now=now + 4 * MINUTE)
    assert not EndpointHour.objects.exists()
    count_hours(now=now + 5 * MINUTE)
    (row,) = EndpointHour.objects.all()
    assert (row.hour, row.attempts, row.arrived, row.durations) == (
        start_of_hour(now - MINUTE),
        1,
        1,
        {"10": 1},
    )
    count_hours(now=now + 6 * MINUTE)
    assert EndpointHour.objects.count() == 1


def test_a_clock_that_was_ahead_hides_no_hour(
    endpoint: WebhookEndpoint, delivery: Delivery, now: datetime
) -> None:
    attempt(delivery, 1, now - MINUTE)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(counted_until=now + 5 * DAY)
    endpoint.refresh_from_db()
    assert list(answers_by_hour(endpoint=endpoint, now=now, hours=24))[-1] == start_of_hour(now)


def test_percentiles_of_nothing_and_of_one() -> None:
    assert Answers().percentile(0.5) is None
    assert Answers().share is None
    assert together([]).attempts == 0


@pytest.mark.parametrize("count", [1, 30])
def test_a_week_is_read_by_two_queries(
    endpoint: WebhookEndpoint,
    delivery: Delivery,
    now: datetime,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(count):
        attempt(delivery, number, now - number * 3 * HOUR)
    count_hours(now=now - 5 * HOUR)
    endpoint.refresh_from_db()
    with django_assert_num_queries(2):
        answers_by_hour(endpoint=endpoint, now=now, hours=168)


@pytest.mark.postgresql
def test_a_page_reads_attempts_of_the_hours_that_are_not_counted_alone(
    endpoint: WebhookEndpoint, delivery: Delivery, now: datetime
) -> None:
    empty(Attempt)
    read = []
    for first, last in ((1, 2_000), (2_001, 10_000)):
        Attempt.objects.bulk_create(
            [
                Attempt(
                    delivery=delivery,
                    endpoint=endpoint,
                    number=number,
                    trigger="claim",
                    started_at=now - DAY - timedelta(seconds=number),
                    duration_ms=5,
                    status=200,
                )
                for number in range(first, last + 1)
            ],
            batch_size=1000,
        )
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(counted_until=None)
        count_hours(now=now)
        analyze(Attempt, EndpointHour)
        endpoint.refresh_from_db()
        with CaptureQueriesContext(connection) as captured:
            answers_by_hour(endpoint=endpoint, now=now, hours=168)
        read.append(sum(rows_read(query["sql"]) for query in captured.captured_queries))
    assert read[1] < 2 * read[0] + 50
