"""The page and the file that say how claims got to the game."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from drops.models import Campaign
from fulfillment.domain.analytics.fulfilment import count_fulfilment
from fulfillment.domain.delivery.hours import DAY, HOUR
from fulfillment.models import WebhookEndpoint
from fulfillment.templatetags.numbers import duration, within
from tests import factories
from tests.dashboard import words
from tests.fulfillment.domain.analytics.test_fulfilment import acknowledge, claim_that_arrived

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignRewardFactory(campaign__organization=studio).campaign


@pytest.fixture
def endpoint(studio: Organization, now: datetime) -> WebhookEndpoint:
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(created_at=now - 30 * DAY)
    return endpoint


def address(campaign: Campaign, name: str = "fulfilment/") -> str:
    return f"/dashboard/campaigns/{campaign.pk}/numbers/{name}"


def rows_of(answer: object) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text)))


def test_before_the_first_claim_the_page_says_what_it_will_show(
    owner_client: Client, campaign: Campaign
) -> None:
    assert "No claim has arrived yet" in words(owner_client.get(address(campaign)))
    assert rows_of(owner_client.get(address(campaign, "fulfilment.csv"))) == []


def test_the_page_says_how_long_claims_took_and_how_old_it_is(
    owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    claim = claim_that_arrived(campaign, endpoint, now - 2 * HOUR, waits=(HOUR,), duration_ms=120)
    claim_that_arrived(campaign, endpoint, now - HOUR, duration_ms=120)
    acknowledge(claim, now - 30 * timedelta(seconds=1))
    count_fulfilment(now=now)
    page = words(owner_client.get(address(campaign)))
    assert "1 at once, 1 retry" in page
    assert "19 of 20 within 2 h" in page
    assert "<dd>1 h</dd>" in page
    assert "20 Nov 2026, 11:59:45 UTC</time>." in page
    assert endpoint.server in page
    assert endpoint.url not in page


def test_the_page_follows_while_claims_come_and_not_after(
    owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    claim_that_arrived(campaign, endpoint, now - HOUR)
    count_fulfilment(now=now)
    part = owner_client.get(address(campaign), headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div class="stack dash-part" id="fulfilment-now" hx-get=')
    Campaign.objects.filter(pk=campaign.pk).update(
        announces_at=now - 50 * DAY,
        starts_at=now - 40 * DAY,
        ends_at=now - 20 * DAY,
        closes_at=now - 10 * DAY,
    )
    page = owner_client.get(address(campaign)).text
    assert "hx-get" not in page.partition('id="fulfilment-now"')[2].partition(">")[0]
    assert "Nothing arrived" not in page  # the last hours in which something did


def test_the_file_has_what_the_page_has(
    owner_client: Client, campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    for hours in (1, 1, 3, 30):
        claim_that_arrived(campaign, endpoint, now - hours * HOUR, waits=(HOUR / 60,), duration_ms=30)
    count_fulfilment(now=now)
    rows = rows_of(owner_client.get(address(campaign, "fulfilment.csv")))
    assert [row["hour"] for row in rows] == [
        "2026-11-19T06:00:00Z",
        "2026-11-20T09:00:00Z",
        "2026-11-20T11:00:00Z",
    ]
    assert {row["endpoint_id"] for row in rows} == {endpoint.pk}
    shown = owner_client.get(address(campaign)).context["report"].whole
    assert sum(int(row["arrived"]) for row in rows) == shown.arrived.claims == 4
    assert sum(int(row["retries"]) for row in rows) == shown.arrived.retries == 4
    assert {row["arrived_p50_ms"] for row in rows} == {"120000"}


@pytest.mark.parametrize("number", [1, 8])
def test_more_endpoints_and_hours_need_no_more_queries(
    owner_client: Client,
    campaign: Campaign,
    now: datetime,
    number: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for each in range(number):
        here = factories.WebhookEndpointFactory(organization=campaign.organization)
        WebhookEndpoint.objects.filter(pk=here.pk).update(created_at=now - 30 * DAY)
        claim_that_arrived(campaign, here, now - (each + 1) * HOUR)
    count_fulfilment(now=now)
    with django_assert_num_queries(9):
        page = owner_client.get(address(campaign) + "?hours=168")
    assert len(page.context["report"].by_endpoint) == number


def test_durations_are_said_in_the_largest_whole_unit() -> None:
    said = [duration(ms) for ms in (10, 750, 1_000, 1_500, 90_000, 120_000, 7_200_000, 86_400_000)]
    assert said == ["10 ms", "750 ms", "1 s", "1.5 s", "90 s", "2 min", "2 h", "1 d"]
    assert within(None) == "-"
    assert within(0) == "over 30 d"
