"""What is sent to a studio's server: the body and the headers of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from fulfillment.domain.delivery import signing
from fulfillment.models import (
    CLAIM_CREATED,
    Claim,
    Delivery,
    SigningKey,
    Trigger,
)

__all__ = ["CLAIM_CREATED", "claim_body", "request_headers"]


def claim_body(claim: Claim) -> bytes:
    """The contract's JSON: compact, `external_id` left out where there is none."""
    content: dict[str, str | int] = {
        "claim_id": claim.id,
        "user_id": claim.viewer_id,
        "campaign_id": claim.campaign_id,
        "reward_id": claim.reward_id,
    }
    if claim.external_id:
        content["external_id"] = claim.external_id
    return orjson.dumps(content)


def request_headers(delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> dict[str, str]:
    """The contract's headers for the attempt under way. Raises signing.NoSigningKey."""
    signature = signing.sign(
        keys=keys,
        message_id=delivery.id,
        body=bytes(delivery.body),
        attempt=delivery.attempt_count,
        now=now,
    )
    mark = {"Drops-Rehearsal": "true"} if delivery.trigger == Trigger.REHEARSAL else {}
    return {
        "Content-Type": "application/json",
        "User-Agent": "Drops-Webhooks/1",
        "Kick-Event-Message-ID": delivery.id,
        "Kick-Event-Subscription-Id": delivery.endpoint_id,
        "Kick-Event-Signature": signature.value,
        "Kick-Event-Timestamp": signature.timestamp,
        "Kick-Event-Message-Timestamp": signature.timestamp,
        "Kick-Event-Type": delivery.event_type,
        "Kick-Event-Version": "1",
        "Drops-Key-Id": signature.key_id,
        **mark,
    }
