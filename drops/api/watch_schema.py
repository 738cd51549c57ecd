"""The two calls of a player in the schema: REST framework does not serve them."""

from __future__ import annotations

from typing import Any

from config.schema import (
    EXAMPLE_ID,
    FAILURE,
    REASONS,
    Schema,
    array,
    choice,
    enveloped,
    flag,
    moment,
    nullable,
    number,
    record,
    text,
    ulid,
)
from drops.models import Reason

TAG = "Watching"
BEAT = {
    "type": "object",
    "properties": {
        "token": text(description="The watch token; it may come as a Bearer token instead."),
        "channel_id": number(minimum=1),
        "event": choice("watch", "start", "goodbye", "switch"),
        "player": number(7, minimum=0, description="A number that the player chose for itself."),
    },
    "required": ["channel_id"],
}
STATUS = record(
    counting=flag(),
    reason=nullable(choice(*Reason.values)),
    text=text("Your watch time counts."),
    since=nullable(moment()),
    other_channel=nullable(record(id=number(), slug=text("streamer"))),
    campaigns=array(
        record(
            id=ulid(),
            name=text("Storm season"),
            minutes=number(30),
            next_reward=nullable(
                record(name=text("Wings"), required_minutes=number(60), minutes_left=number(30))
            ),
        )
    ),
)
TOKEN = enveloped(record(token=text("1234.1763640300.signature"), expires_in=number(300)))
VISIT = record(
    channel=record(id=number(), slug=text("streamer")),
    category=nullable(record(id=number(), name=text("Skyforge Rally"))),
    started_at=moment(),
    last_beat_at=moment(),
    counted_seconds=number(1800),
    reason=nullable(choice(*Reason.values)),
    text=text(description="The reason in words; empty where it counted."),
    campaigns=array(record(id=ulid(), name=text("Storm season"))),
)
HISTORY = enveloped(record(visits=array(VISIT), before=nullable(moment())))


def _operation(
    name: str, summary: str, answers: dict[int, Schema], refusals: tuple[int, ...], **more: Any
) -> dict[str, Any]:
    described = [(status, "Done.", schema) for status, schema in answers.items()]
    described += [(status, REASONS[status], FAILURE) for status in refusals]
    return {
        "operationId": name,
        "tags": [TAG],
        "summary": summary,
        "responses": {
            str(status): {"description": text, "content": {"application/json": {"schema": schema}}}
            for status, text, schema in described
        },
        "security": [{"watch": []}],
        **more,
    }


WATCH_PATHS: dict[str, Any] = {
    "/viewer/v1/beat": {
        "post": _operation(
            "watch_beat",
            "Say that the viewer watches, once a minute",
            {202: enveloped({"type": "null"}, message="Accepted")},
            (400, 401, 404, 413, 415, 429),
            requestBody={
                "required": True,
                "content": {
                    "application/json": {
                        "schema": BEAT,
                        "examples": {"example": {"value": {"channel_id": EXAMPLE_ID, "event": "start"}}},
                    }
                },
            },
        )
    },
    "/viewer/v1/status": {
        "get": _operation(
            "watch_status",
            "What watching a channel counts for now",
            {200: enveloped(STATUS)},
            (400, 401, 404),
            parameters=[
                {
                    "name": "channel_id",
                    "in": "query",
                    "required": True,
                    "schema": number(minimum=0),
                    "examples": {"example": {"value": EXAMPLE_ID}},
                }
            ],
        )
    },
}
WATCH_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "A watch token: `GET /viewer/v1/token`.",
}
