"""The parts of the schema that speak of claims and their deliveries."""

from __future__ import annotations

from config.api.schema import (
    FAILURE,
    Schema,
    array,
    choice,
    enveloped,
    moment,
    nullable,
    number,
    record,
    text,
    ulid,
)
from fulfillment.models import DeliveryState
from fulfillment.models.deliveries import ErrorClass, Trigger

CLAIM = record(
    claim_id=ulid(),
    user_id=number(),
    campaign_id=ulid(),
    reward_id=ulid(),
    external_id=text("wings"),
    external_status=text("initiated", description="Your own word; a new claim has `initiated`."),
    created_at=moment(),
    updated_at=moment(),
)
CLAIMS = enveloped(
    record(claims=array(CLAIM), cursor=text(description="The claim id to pass for the next page."))
)
STATUSES = record(
    claims=array(
        record(claim_id=text(), external_status=text("sent", minLength=1, maxLength=64)),
        minItems=1,
        maxItems=100,
    )
)

CLAIMED = enveloped(record(id=ulid()), message="Success")
TO_CLAIM = record(reward_id=text(), campaign_id=text())
CLAIM_REFUSED = {
    "anyOf": [
        record(
            optional=("connect_url",),
            message=text("Connect your game account of Northlight Games first, then claim."),
            error=text("INVALID_CLAIM"),
            connect_url=text("https://studio.example.com/connect"),
        ),
        FAILURE,
    ]
}

ATTEMPT: dict[str, Schema] = {
    "number": number(1),
    "trigger": choice(*Trigger.values),
    "started_at": moment(),
    "duration_ms": nullable(number(7)),
    "status": nullable(number(200)),
    "error_class": choice("", *ErrorClass.values),
    "error": text(),
}
DELIVERY: dict[str, Schema] = {
    "id": ulid(),
    "claim_id": text(),
    "endpoint_id": ulid(),
    "url": text("https://studio.example.com/webhook", description="Without its query."),
    "event_type": text("drops.claim.created"),
    "state": choice(*DeliveryState.values),
    "created_at": moment(),
    "delivered_at": nullable(moment()),
    "next_attempt_at": nullable(moment()),
}
HEADERS: Schema = {"type": "object", "additionalProperties": True}
LISTED_DELIVERY = record(**DELIVERY, attempts=array(record(**ATTEMPT)))
WHOLE_DELIVERY = enveloped(
    record(
        **DELIVERY,
        attempts=array(
            record(**ATTEMPT, request_headers=HEADERS, response_headers=HEADERS, response_body=text())
        ),
        body=text(),
    )
)

BY_REWARD = array(record(reward_id=ulid(), count=number(3)))
STATISTICS = enveloped(
    record(
        campaign_id=ulid(),
        watched_minutes=number(18204),
        unique_viewers=number(311),
        claimed_rewards=number(120),
        days=array(
            record(
                date=text("2026-11-20", format="date"),
                watched_minutes=number(912),
                new_viewers=number(40),
                qualified=BY_REWARD,
                claims=BY_REWARD,
            )
        ),
    )
)

PUBLIC_KEY = enveloped(record(public_key=text("-----BEGIN PUBLIC KEY-----\n…")))
JWKS = record(
    keys=array(
        record(kty=text("RSA"), use=text("sig"), alg=text("RS256"), kid=text("1"), n=text(), e=text("AQAB"))
    )
)
