"""How claims get to the game is exactly what attempts and changes of status say, whenever the clock counted."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from drops.models import Campaign
from fulfillment.domain.analytics.fulfilment import (
    BUCKETS,
    LONGER,
    Times,
    count_fulfilment,
    fulfilment,
)
from fulfillment.domain.delivery.hours import DAY, HOUR, start_of_hour
from fulfillment.models import (
    Attempt,
    Claim,
    ClaimStatusChange,
    CountedUntil,
    Delivery,
    FulfilmentHour,
    WebhookEndpoint,
)
from tests import factories
from tests.plans import rows_read

SECOND = timedelta(seconds=1)
# Key of a count: endpoint, hour, step, end of the bucket. Value: claims, retries, claims at once.
Told = dict[tuple[str | None, datetime, str, int], tuple[int, int, int]]


def bucket(took: timedelta) -> int:
    return next((end for end in BUCKETS if took <= timedelta(milliseconds=end)), LONGER)


def from_the_rows(campaign: Campaign, until: datetime) -> Told:
    """Everything once more, by reading every attempt and every change."""
    found: dict[tuple, list[int]] = {}

    def add(key: tuple, retries: int, at_once: int) -> None:
        row = found.setdefault(key, [0, 0, 0])
        for place, more in enumerate((1, retries, at_once)):
            row[place] += more

    for claim in Claim.objects.filter(campaign=campaign, test=False):
        arrived = {}
        for delivery in claim.deliveries.exclude(delivered_at=None):
            attempts = list(delivery.attempts.order_by("number"))
            success = next(each for each in attempts if each.succeeded)
            arrived[delivery.endpoint_id] = success.ended_at
            if success.started_at < until:
                took = bucket(success.ended_at - attempts[0].started_at)
                key = (delivery.endpoint_id, start_of_hour(success.started_at), "arrived", took)
                add(key, success.number - 1, success.number == 1)
        first = claim.status_changes.order_by("at").first()
        if first is not None and first.at < until:
            before = {each: at for each, at in arrived.items() if at <= first.at} or {None: claim.created_at}
            for endpoint_id, at in before.items():
                key = (endpoint_id, start_of_hour(first.at), "acknowledged", bucket(first.at - at))
                add(key, 0, 0)
    return {key: tuple(row) for key, row in found.items()}


def counted(campaign: Campaign) -> Told:
    return {
        (row.endpoint_id, row.hour, row.step, row.within_ms): (row.claims, row.retries, row.at_once)
        for row in FulfilmentHour.objects.filter(campaign=campaign)
    }


def claim_that_arrived(
    campaign: Campaign,
    endpoint: WebhookEndpoint,
    at: datetime,
    *,
    waits: tuple[timedelta, ...] = (),
    duration_ms: int = 40,
    **fields: object,
) -> Claim:
    """Made at `at`; each of `waits` was between an attempt that failed and the next."""
    claim = factories.ClaimFactory(campaign=campaign, created_at=at, **fields)
    arrive(claim, endpoint, at, waits=waits, duration_ms=duration_ms)
    return claim


def arrive(
    claim: Claim,
    endpoint: WebhookEndpoint,
    at: datetime,
    *,
    waits: tuple[timedelta, ...] = (),
    duration_ms: int = 40,
) -> Delivery:
    starts = [at]
    for wait in waits:
        starts.append(starts[-1] + wait)
    delivery = Delivery.objects.create(
        endpoint=endpoint,
        claim=claim,
        event_type="drops.claim.created",
        body=b"{}",
        state="delivered",
        attempt_count=len(starts),
        delivered_at=starts[-1] + timedelta(milliseconds=duration_ms),
        created_at=at,
    )
    for number, start in enumerate(starts, start=1):
        failed = number < len(starts)
        Attempt.objects.create(
            delivery=delivery,
            endpoint=endpoint,
            number=number,
            trigger="retry" if number > 1 else "claim",
            started_at=start,
            duration_ms=10 if failed else duration_ms,
            status=500 if failed else 200,
            error_class="status" if failed else "",
        )
    return delivery


def acknowledge(claim: Claim, at: datetime, old: str = "initiated", new: str = "granted") -> None:
    ClaimStatusChange.objects.create(claim=claim, at=at, old=old, new=new)


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignRewardFactory(campaign__organization=studio).campaign


@pytest.fixture
def endpoint(studio: Organization, now: datetime) -> WebhookEndpoint:
    return endpoint_since(studio, now - 30 * DAY)


def endpoint_since(studio: Organization, at: datetime) -> WebhookEndpoint:
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(created_at=at)
    return endpoint


@pytest.mark.parametrize("seed", range(3))
def test_every_count_is_what_the_rows_say_however_the_clock_ran(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime, seed: int
) -> None:
    choice = random.Random(seed)
    other = endpoint_since(campaign.organization, now - 20 * DAY)
    for _ in range(60):
        at = now - timedelta(seconds=choice.randrange(60, 15 * 86_400))
        waits = tuple(
            timedelta(seconds=choice.choice([5, 300, 7_200])) for _ in range(choice.choice([0, 0, 0, 1, 3]))
        )
        rehearsed = choice.random() < 0.1
        took = choice.choice([3, 40, 480, 5_000])
        claim = claim_that_arrived(campaign, endpoint, at, waits=waits, duration_ms=took, test=rehearsed)
        if choice.random() < 0.3:
            arrive(claim, other, at, waits=waits[:1], duration_ms=took)
        if choice.random() < 0.6:
            told = at + timedelta(seconds=choice.choice([2, 700, 90_000, 5_000_000]))
            acknowledge(claim, told)
            if choice.random() < 0.5:
                acknowledge(claim, told + HOUR, "granted", "initiated")
                acknowledge(claim, told + 2 * HOUR)
    for runs in ([now], [now - 3 * DAY, now - HOUR, now - 61 * SECOND, now - 20 * SECOND, now]):
        FulfilmentHour.objects.all().delete()
        CountedUntil.objects.all().delete()
        for at in runs:
            count_fulfilment(now=at)
            position = CountedUntil.objects.get()
            assert position.until == at - 15 * SECOND
            assert counted(campaign) == from_the_rows(campaign, position.until), at
    assert len(counted(campaign)) > 20


def test_what_a_page_reads_adds_up(campaign: Campaign, endpoint: WebhookEndpoint, now: datetime) -> None:
    for number in range(19):
        claim_that_arrived(campaign, endpoint, now - 2 * HOUR - number * SECOND, duration_ms=120)
    slow = claim_that_arrived(campaign, endpoint, now - 3 * HOUR, waits=(HOUR, HOUR), duration_ms=70)
    acknowledge(slow, now - 30 * SECOND)
    fetched = factories.ClaimFactory(campaign=campaign, created_at=now - 2 * DAY)
    acknowledge(fetched, now - DAY)
    count_fulfilment(now=now)

    report = fulfilment(campaign=campaign, since=start_of_hour(now - 5 * HOUR))

    assert report.as_of == now - 15 * SECOND
    arrived, acknowledged = report.whole.arrived, report.whole.acknowledged
    assert (arrived.claims, arrived.at_once, arrived.retries) == (20, 19, 2)
    assert (arrived.p50_ms, arrived.p95_ms) == (200, 4 * 3_600_000)
    assert acknowledged.claims == 2
    here, elsewhere = report.by_endpoint
    assert (here.endpoint, here.fulfilment.arrived.claims) == (endpoint, 20)
    assert here.fulfilment.acknowledged.p50_ms == 3_600_000
    assert (elsewhere.endpoint, elsewhere.fulfilment.acknowledged.p50_ms) == (None, 86_400_000)
    assert sum(each.arrived.claims for each in report.by_hour.values()) == 20
    assert sum(each.acknowledged.claims for each in report.by_hour.values()) == 1  # the other is a day old


def test_what_was_written_late_is_counted_when_the_hour_is_over(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    count_fulfilment(now=now)
    claim_that_arrived(campaign, endpoint, now - 5 * 60 * SECOND)
    count_fulfilment(now=now + 20 * SECOND)
    assert not FulfilmentHour.objects.exists()
    count_fulfilment(now=start_of_hour(now) + HOUR + 6 * 60 * SECOND)
    assert fulfilment(campaign=campaign).whole.arrived.claims == 1


def test_and_what_was_written_even_later_a_day_later(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    count_fulfilment(now=now)
    claim_that_arrived(campaign, endpoint, now - 3 * HOUR)
    for hours in range(1, 24):
        count_fulfilment(now=now + hours * HOUR)
    assert fulfilment(campaign=campaign).whole.arrived.claims == 1


def test_two_runs_at_once_count_everything_once(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    claim_that_arrived(campaign, endpoint, now - 40 * SECOND)
    for _ in range(3):
        count_fulfilment(now=now)
    assert fulfilment(campaign=campaign).whole.arrived.claims == 1


def test_a_claim_that_is_sent_again_after_it_arrived_has_arrived_once(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    claim = claim_that_arrived(campaign, endpoint, now - 2 * HOUR)
    delivery = claim.deliveries.get()
    Attempt.objects.create(
        delivery=delivery,
        endpoint=endpoint,
        number=2,
        trigger="resend",
        started_at=now - HOUR,
        duration_ms=9,
        status=200,
    )
    count_fulfilment(now=now)
    times = fulfilment(campaign=campaign).whole.arrived
    assert (times.claims, times.retries) == (1, 0)


def test_a_clock_that_was_ahead_stops_nothing(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    count_fulfilment(now=now + 40 * DAY)
    claim_that_arrived(campaign, endpoint, now + 60 * SECOND)
    count_fulfilment(now=now + 120 * SECOND)
    count_fulfilment(now=now + 140 * SECOND)
    assert fulfilment(campaign=campaign).as_of == now + 125 * SECOND


def test_percentiles_of_nothing_and_beyond_the_last_bucket() -> None:
    assert Times().p50_ms is None
    times = Times()
    times.add(LONGER, 1, 0, 0)
    assert times.p50_ms == LONGER


@pytest.mark.parametrize("number", [1, 12])
def test_a_report_takes_four_queries(
    campaign: Campaign,
    endpoint: WebhookEndpoint,
    now: datetime,
    number: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for each in range(number):
        at = now - each * 5 * HOUR - 60 * SECOND
        here = endpoint_since(campaign.organization, now - 30 * DAY)
        claim_that_arrived(campaign, here, at)
    count_fulfilment(now=now)
    with django_assert_num_queries(4):
        report = fulfilment(campaign=campaign, since=now - 30 * DAY)
    assert len(report.by_endpoint) == len(report.by_hour) == number


@pytest.mark.postgresql
def test_a_report_reads_no_more_rows_of_more_claims(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    read = []
    for number in (5, 40):
        for _ in range(number):
            claim_that_arrived(campaign, endpoint, now - 60 * SECOND)
        FulfilmentHour.objects.all().delete()
        CountedUntil.objects.all().delete()
        count_fulfilment(now=now)
        with CaptureQueriesContext(connection) as captured:
            report = fulfilment(campaign=campaign, since=now - DAY)
        read.append(sum(rows_read(query["sql"]) for query in captured.captured_queries))
    assert report.whole.arrived.claims == 45
    assert read[1] - read[0] < 40 / 2


def test_a_count_is_of_its_own_campaign(campaign: Campaign, endpoint: WebhookEndpoint, now: datetime) -> None:
    other = factories.CampaignRewardFactory(campaign__organization=campaign.organization).campaign
    claim_that_arrived(campaign, endpoint, now - HOUR)
    claim_that_arrived(other, endpoint, now - HOUR)
    count_fulfilment(now=now)
    claims = Counter(dict(FulfilmentHour.objects.values_list("campaign", "claims")))
    assert claims == {campaign.pk: 1, other.pk: 1}
