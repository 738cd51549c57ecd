"""What a worker does, step by step and at a moment of the test's choice."""

from __future__ import annotations

from datetime import datetime

from accounts.models import Organization, new_ulid
from fulfillment.domain.delivery import attempts, messages, queue
from fulfillment.models import Attempt, Claim, Delivery, Trigger, WebhookEndpoint
from tests import factories


def deliver_due(now: datetime, *, limit: int = 100) -> list[Attempt]:
    """One round of a worker: everything that is due at `now`, one attempt each."""
    return [attempts.attempt(lease, now=now) for lease in queue.take_due(limit=limit, now=now)]


def make_claim(organization: Organization, now: datetime) -> Claim:
    """A committed claim of a viewer of its own, without a delivery."""
    attached = factories.CampaignRewardFactory(campaign__organization=organization)
    return Claim.objects.create(
        id=new_ulid(),
        organization=organization,
        viewer=factories.UserFactory(),
        campaign=attached.campaign,
        reward=attached.reward,
        created_at=now,
        updated_at=now,
    )


def make_delivery(endpoint: WebhookEndpoint, now: datetime, **fields: object) -> Delivery:
    """A claim's delivery that is due at `now`."""
    claim = make_claim(endpoint.organization, now)
    values = {
        "event_type": messages.CLAIM_CREATED,
        "body": messages.claim_body(claim),
        "trigger": Trigger.CLAIM,
        "next_attempt_at": now,
        "created_at": now,
    }
    return Delivery.objects.create(endpoint=endpoint, claim=claim, **values | fields)


def in_flight(endpoint: WebhookEndpoint, now: datetime, how_many: int = 1) -> list[queue.Lease]:
    """Requests under way, whose outcomes are told later."""
    for _ in range(how_many):
        make_delivery(endpoint, now)
    return queue.take_due(limit=how_many, now=now)
