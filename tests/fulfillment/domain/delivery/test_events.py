"""Webhooks about campaigns."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from django.core.exceptions import ValidationError

from accounts.models import Organization, User
from drops.domain.campaigns.phases import note_phase_changes
from drops.models import Campaign, PhaseChange
from fulfillment.domain.claims.claiming import claim_reward
from fulfillment.domain.delivery import endpoints, resending, signing
from fulfillment.domain.delivery.status import DeliveryStatus, delivery_status
from fulfillment.models import CampaignResult, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.factories import NOW
from tests.fulfillment.delivering import deliver_due
from tests.fulfillment.receiver import Receiver, Reply

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ALL = "announced started last_day ended last_chance closed"


@pytest.fixture
def asking(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    endpoint.campaign_events = ALL
    endpoint.save()
    return endpoint


def run(campaign: Campaign, *moments: object) -> None:
    """The clock's task, twice at each moment, and a worker after it."""
    for moment in moments:
        for _twice in range(2):
            note_phase_changes(now=moment)
        deliver_due(moment)


def events(receiver: Receiver) -> list[str]:
    return [received.headers["Kick-Event-Type"] for received in receiver.received]


def test_each_change_is_posted_once_and_signed(
    asking: WebhookEndpoint, campaign: Campaign, receiver: Receiver
) -> None:
    run(campaign, NOW, campaign.ends_at - DAY, campaign.ends_at, campaign.closes_at - DAY, campaign.closes_at)
    assert events(receiver) == [f"drops.campaign.{kind}" for kind in ALL.split()]
    key = signing.public_key_pem(NOW)
    assert all(received.is_signed_by(key) for received in receiver.received)
    assert orjson.loads(receiver.received[1].body) == {
        "campaign_id": campaign.pk,
        "event": "started",
        "at": "2026-11-19T12:00:00Z",
        "name": "Storm season",
        "announces_at": "2026-11-17T12:00:00Z",
        "starts_at": "2026-11-19T12:00:00Z",
        "ends_at": "2026-11-26T12:00:00Z",
        "closes_at": "2026-11-29T12:00:00Z",
        "test_mode": False,
    }


def test_an_endpoint_gets_claims_alone_unless_it_asks(
    endpoint: WebhookEndpoint, campaign: Campaign, receiver: Receiver
) -> None:
    assert endpoint.events == ["drops.claim.created"]
    run(campaign, NOW, campaign.ends_at)
    assert receiver.received == []


def test_an_endpoint_without_claims_gets_none(
    asking: WebhookEndpoint, owner: User, viewer: User, earned: object, linked: object, reward: object
) -> None:
    asking = endpoints.change_endpoint(
        endpoint=asking, actor=owner, now=NOW, events=["drops.campaign.closed"]
    )
    assert asking.events == ["drops.campaign.closed"]
    claim = claim_reward(viewer=viewer, campaign_id=earned.campaign_id, reward_id=reward.pk, now=NOW)
    assert not Delivery.objects.filter(claim=claim.pk).exists()
    with pytest.raises(ValidationError):
        endpoints.change_endpoint(endpoint=asking, actor=owner, now=NOW, events=[])
    with pytest.raises(ValidationError):
        endpoints.change_endpoint(endpoint=asking, actor=owner, now=NOW, events=["drops.unknown"])


def test_a_warning_is_not_posted_once_it_is_too_late(
    asking: WebhookEndpoint, campaign: Campaign, receiver: Receiver
) -> None:
    run(campaign, NOW, campaign.closes_at)
    assert events(receiver)[2:] == ["drops.campaign.ended", "drops.campaign.closed"]


def test_what_is_long_past_is_not_posted(
    asking: WebhookEndpoint, campaign: Campaign, receiver: Receiver
) -> None:
    run(campaign, campaign.closes_at + timedelta(days=30))
    assert receiver.received == []
    assert PhaseChange.objects.filter(campaign=campaign).count() == 7


def test_nothing_is_posted_for_a_suspended_organization(
    asking: WebhookEndpoint, campaign: Campaign, studio: Organization, receiver: Receiver
) -> None:
    studio.suspended_at = NOW
    studio.save()
    run(campaign, NOW)
    assert receiver.received == []


def test_it_waits_for_verification_and_for_release_as_claims_do(
    asking: WebhookEndpoint, campaign: Campaign, receiver: Receiver, owner: User
) -> None:
    WebhookEndpoint.objects.update(verified_at=None)
    run(campaign, NOW)
    assert receiver.received == []
    assert {delivery_status(each) for each in Delivery.objects.all()} == {DeliveryStatus.HELD}
    WebhookEndpoint.objects.update(verified_at=NOW)
    asking.refresh_from_db()
    endpoints.hold_endpoint(endpoint=asking, actor=owner, now=NOW)
    assert deliver_due(NOW) == []
    asking.refresh_from_db()
    assert endpoints.release_endpoint(endpoint=asking, actor=owner, now=NOW) == 2
    assert len(deliver_due(NOW)) == 2


def test_one_that_failed_for_good_can_be_sent_again(
    asking: WebhookEndpoint, campaign: Campaign, receiver: Receiver, owner: User
) -> None:
    receiver.replies = [Reply(500)]
    run(campaign, NOW)
    assert receiver.received
    Delivery.objects.update(state=DeliveryState.FAILED, next_attempt_at=None)
    delivery = Delivery.objects.order_by("id").first()
    assert delivery is not None
    assert delivery_status(delivery) == DeliveryStatus.FAILED
    receiver.replies = [Reply(200)]
    WebhookEndpoint.objects.update(breaker_open_until=None)
    resending.resend_delivery(delivery=delivery, actor=owner, now=NOW)
    assert [attempt.status for attempt in deliver_due(NOW)] == [200]


def test_numbers_are_frozen_once_claims_have_closed(campaign: Campaign) -> None:
    from fulfillment.domain.analytics.results import freeze_due, result_of

    attached = factories.CampaignRewardFactory(campaign=campaign)
    factories.ClaimFactory(campaign=campaign, reward=attached.reward)
    note_phase_changes(now=campaign.closes_at)
    assert freeze_due(now=campaign.closes_at) == 0
    assert result_of(campaign) is None
    later = campaign.closes_at + timedelta(minutes=2)
    assert [freeze_due(now=later), freeze_due(now=later)] == [1, 0]
    factories.ClaimFactory(campaign=campaign, reward=attached.reward)
    assert freeze_due(now=later + DAY) == 0
    result = result_of(campaign)
    assert result is not None
    assert (result.frozen_at, result.claimed) == (later, 1)
    assert result.rewards == {attached.reward_id: {"reached": 0, "claimed": 1}}
    assert CampaignResult.objects.count() == 1
