"""What Prometheus reads of deliveries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from accounts.models import Organization, User
from drops.models import Campaign
from fulfillment.domain import readings
from fulfillment.domain.claims.claiming import ClaimRefused, claim_reward
from fulfillment.models import Delivery, DeliveryState
from tests import factories


def read(now: datetime) -> dict[tuple[str, ...], float]:
    return {(each.gauge.name, *each.labels): each.value for each in readings.read_deliveries(now)}


def waiting(endpoint: Any, since: datetime, count: int = 1) -> None:
    Delivery.objects.bulk_create(
        Delivery(
            endpoint=endpoint,
            event_type="drops.claim.created",
            body=b"{}",
            state=DeliveryState.PENDING,
            next_attempt_at=since,
            created_at=since,
        )
        for _ in range(count)
    )


@pytest.mark.django_db
def test_what_is_late_is_told_and_what_waits_for_a_studio_is_not(studio: Organization, now: datetime) -> None:
    working, held, paused = factories.WebhookEndpointFactory.create_batch(3, organization=studio)
    held.held_at, held.held_reason = now, "owner"
    held.save()
    paused.breaker_open_until = now + timedelta(seconds=30)
    paused.save()
    waiting(working, now - timedelta(minutes=3))
    waiting(working, now - timedelta(minutes=1), 2)
    waiting(working, now + timedelta(minutes=1))
    waiting(held, now - timedelta(days=2))
    waiting(paused, now - timedelta(hours=1))

    figures = read(now)

    assert figures["drops_deliveries_due",] == 3
    assert figures["drops_delivery_oldest_due_seconds",] == 180
    assert {key[1]: value for key, value in figures.items() if key[0] == "drops_endpoints"} == {
        "held": 1,
        "unverified": 0,
        "paused": 1,
        "failing": 0,
        "working": 1,
    }


@pytest.mark.django_db
def test_counting_ends_somewhere(
    studio: Organization, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "MOST_COUNTED", 2)
    waiting(factories.WebhookEndpointFactory(organization=studio), now, 3)

    assert read(now)["drops_deliveries_due",] == 2


@pytest.mark.django_db
@pytest.mark.parametrize("endpoints", [1, 3])
def test_endpoints_cost_no_query_each(
    studio: Organization, now: datetime, endpoints: int, django_assert_num_queries: Any
) -> None:
    for endpoint in factories.WebhookEndpointFactory.create_batch(endpoints, organization=studio):
        waiting(endpoint, now)

    with django_assert_num_queries(3):
        read(now)


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_is_refused_is_counted_by_its_reason(viewer: User, now: datetime) -> None:
    attached = factories.CampaignRewardFactory()
    campaign: Campaign = attached.campaign
    name, labels = "drops_claims_refused_total", {"reason": "not_enough_minutes"}
    before = REGISTRY.get_sample_value(name, labels) or 0

    with pytest.raises(ClaimRefused):
        claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=attached.reward_id, now=now)

    assert REGISTRY.get_sample_value(name, labels) == before + 1
