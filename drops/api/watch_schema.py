"""The calls of a player in the schema."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from config.api.schema import (
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


class WatchTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "drops.api.watch.WatchTokenAuthentication"
    name = "watch"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A watch token: `GET /viewer/v1/token`.",
        }
