"""Copies of messages for a developer's own machine: test events, and deliveries of campaigns in test mode.

What is handed out is signed as always, with the key in use and the time of now. Nothing is taken from the queue, and
nothing is written: the webhook is delivered as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from accounts.models import new_ulid
from config.ulid import first_ulid
from drops.models import Campaign
from fulfillment.domain.delivery import signing
from fulfillment.domain.delivery.endpoints import NOBODY, TEST_EVENT
from fulfillment.domain.delivery.messages import request_headers
from fulfillment.domain.delivery.status import OF_TEST
from fulfillment.models import Claim, Delivery, SigningKey

# How far back messages are handed out.
FURTHEST = timedelta(hours=24)
# A delivery is seen at its commit, which comes after its id was drawn. Until this long ago the cursor goes on for good;
# what is newer is handed out at once, and once more by the next call.
SETTLED = timedelta(seconds=10)
# Members alone claim in test mode. Of their claims, the newest are looked at.
MOST_CLAIMS = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """What a webhook's request would be now."""

    id: str
    event_type: str
    created_at: datetime
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """`cursor`: what to go on from. It is never empty."""

    messages: Sequence[Message]
    cursor: str


def replay_page(
    *,
    organization_id: str,
    after: str | None,
    limit: int,
    now: datetime,
    endpoint_id: str | None = None,
    since: timedelta = timedelta(),
) -> ReplayPage:
    """The messages past the cursor `after`, oldest first; without one, those of the time `since` and what is new.

    The same message can be on two pages: whoever reads them goes by its id. Raises signing.NoSigningKey.
    """
    first = first_ulid(now - (since if after is None else FURTHEST))
    after = max(after or first, first)
    keys = signing.keys_for_signing(now)
    found = _deliveries(organization_id, after, limit, endpoint_id)
    settled = first_ulid(now - SETTLED)
    reached = min(found[-1].pk, settled) if len(found) == limit else settled
    return ReplayPage([_message(delivery, keys, now) for delivery in found], max(after, reached))


def test_event(*, now: datetime) -> Message:
    """A test event that goes to no endpoint and is not kept. Raises signing.NoSigningKey."""
    message_id = new_ulid()
    body = {
        "claim_id": message_id,
        "user_id": 0,
        "campaign_id": NOBODY,
        "reward_id": NOBODY,
        "external_id": "test",
    }
    delivery = Delivery(
        id=message_id, endpoint_id=NOBODY, event_type=TEST_EVENT, body=orjson.dumps(body), created_at=now
    )
    return _message(delivery, signing.keys_for_signing(now), now)


def _deliveries(organization_id: str, after: str, limit: int, endpoint_id: str | None) -> list[Delivery]:
    """Test events, and deliveries of campaigns that are in test mode now. Four queries at most, each by an index of
    what is few: what a public campaign delivers is not looked at."""
    own = Delivery.objects.filter(endpoint__organization=organization_id, pk__gt=after).order_by("pk")
    if endpoint_id is not None:
        own = own.filter(endpoint=endpoint_id)
    in_test_mode = Campaign.objects.filter(organization=organization_id, test_mode=True)
    claims = (
        Claim.objects.filter(campaign__in=list(in_test_mode.values_list("pk", flat=True)), test=True)
        .order_by("-id")
        .values_list("pk", flat=True)
    )
    found = [*own.filter(OF_TEST)[:limit], *own.filter(claim__in=list(claims[:MOST_CLAIMS]))[:limit]]
    return sorted(found, key=lambda delivery: delivery.pk)[:limit]


def _message(delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> Message:
    # Signed like a first attempt: with the key in use. The delivery is not saved.
    delivery.attempt_count = 1
    return Message(
        id=delivery.pk,
        event_type=delivery.event_type,
        created_at=delivery.created_at,
        headers=request_headers(delivery, keys, now),
        body=bytes(delivery.body).decode(),
    )
