"""The parts of the schema that speak of channels, campaigns and rewards."""

from __future__ import annotations

from typing import Any

from config.api.schema import (
    EXAMPLE_ID,
    EXAMPLE_TIME,
    EXAMPLE_ULID,
    Schema,
    array,
    choice,
    enveloped,
    flag,
    moment,
    nullable,
    number,
    record,
    share,
    text,
    ulid,
)
from drops.models import CampaignPhase

# Partners' API

PUBLIC_CATEGORY = record(id=number(), name=text("Skyforge Rally"), thumbnail=text())
CATEGORY = enveloped(PUBLIC_CATEGORY)
CATEGORIES = enveloped(array(PUBLIC_CATEGORY))
CHANNELS = enveloped(
    array(
        record(
            active_subscribers_count=number(0),
            banner_picture=text(),
            broadcaster_user_id=number(),
            canceled_subscribers_count=number(0),
            category=PUBLIC_CATEGORY,
            channel_description=text(),
            slug=text("streamer"),
            stream=record(
                custom_tags=array(text()),
                is_live=flag(),
                is_mature=flag(),
                key=text(),
                language=text("en"),
                start_time=moment(),
                thumbnail=text(),
                url=text(),
                viewer_count=number(7),
            ),
            stream_title=text("Storms"),
        )
    )
)

# Players and overlays

NAMED_CATEGORY = record(
    id=number(), name=text("Skyforge Rally"), slug=text("skyforge-rally"), image_url=text()
)
CAMPAIGN_FIELDS: dict[str, Schema] = {
    "id": ulid(),
    "name": text("Storm season"),
    "status": choice("active", "upcoming", "expired"),
    "starts_at": moment(),
    "ends_at": moment(),
    "created_at": moment(),
    "updated_at": moment(),
    "connect_url": text(),
    "url": text(),
    "category": NAMED_CATEGORY,
}
CAMPAIGNS = enveloped(
    array(
        record(
            optional=("category",),
            **CAMPAIGN_FIELDS,
            organization=record(
                id=ulid(),
                name=text("Northlight Games"),
                logo_url=text(),
                url=text(),
                restricted=flag(),
                email_notification=flag(),
            ),
            channels=array(
                record(
                    id=number(),
                    slug=text("streamer"),
                    description=text(),
                    banner_picture_url=text(),
                    user=record(id=number(), username=text("streamer"), profile_picture=text()),
                )
            ),
            rewards=array(
                record(
                    id=ulid(),
                    name=text("Wings"),
                    image_url=text(),
                    required_units=number(60, description="Minutes."),
                    category_id=number(),
                    organization_id=ulid(),
                )
            ),
            rule=record(id=number(1), name=text("Watch to redeem")),
        )
    ),
    message="Success",
)
ON_AIR: dict[str, Schema] = {
    "id": number(),
    "is_live": flag(),
    "session_title": text("Storms"),
    "viewer_count": number(7),
    "categories": array(record(id=number(), name=text("Skyforge Rally"))),
}
LISTED_ON_AIR = record(
    **ON_AIR,
    start_time=moment(),
    language=text("en"),
    is_mature=flag(),
    channel=record(id=number(), slug=text("streamer"), username=text("streamer"), profile_picture=text()),
)
CAMPAIGN_LIVESTREAMS = enveloped(array(LISTED_ON_AIR), message="Success")
LIVESTREAMS = enveloped(record(livestreams=array(LISTED_ON_AIR)), message="Success")
CHANNEL = record(id=number(), slug=text("streamer"), livestream=nullable(record(**ON_AIR)))

WATCH_EVENTS = array(
    {
        "type": "object",
        "properties": {
            "name": text("tracking.user.watch.livestream"),
            "channel_id": number(),
            "livestream_id": number(),
        },
        "required": ["name"],
    },
    maxItems=100,
)
WATCH_REPORTED = enveloped({"type": "null"})

OWN_REWARDS = array(
    record(
        id=ulid(),
        name=text("Wings"),
        image_url=text(),
        external_id=text("wings"),
        required_units=number(60, description="Minutes."),
        progress=share(),
        claimed=flag(),
    )
)
PROGRESS = enveloped(
    array(
        record(
            optional=("category",),
            **CAMPAIGN_FIELDS | {"status": choice("in_progress", "claimed", "expired", "upcoming")},
            organization=record(id=ulid(), name=text("Northlight Games"), logo_url=text(), url=text()),
            user_app_connected=flag(),
            progress_units=number(30, description="Minutes."),
            rewards=OWN_REWARDS,
        )
    ),
    message="Success",
)
SUMMARY = enveloped(
    array(record(id=ulid(), progress_units=number(30), rewards=OWN_REWARDS)), message="Success"
)

# Drops as code

PLAN: dict[str, Schema] = {
    "name": text("Storm season", maxLength=120),
    "category_id": nullable(number()),
    "info_url": text("https://studio.example.com/storm", maxLength=200),
    "starts_at": moment(),
    "ends_at": moment(),
    "announcement_days": number(2, minimum=0, maximum=365),
    "grace_days": number(3, minimum=0, maximum=365),
    "test_mode": flag(),
    "rewards": array(record(reward_id=ulid(), required_minutes=number(60, minimum=1)), maxItems=12),
    "channels": array(text("streamer"), maxItems=1000, description="Slugs; empty: every channel."),
}
MANAGED_CAMPAIGN: dict[str, Schema] = {
    "id": ulid(),
    "phase": choice(*CampaignPhase.values),
    **PLAN,
    "published_at": nullable(moment()),
    "withdrawn_at": nullable(moment()),
    "created_at": moment(),
    "updated_at": moment(),
}
WRITTEN_CAMPAIGN = record(
    **MANAGED_CAMPAIGN,
    before_publishing=array(
        record(code=text("no_rewards"), message=text("Attach at least one reward.")),
        description="What keeps a draft from being published.",
    ),
)
MANAGED_REWARD = record(
    id=ulid(),
    name=text("Wings"),
    category_id=number(),
    external_id=text("wings"),
    image_url=text(),
    archived=flag(),
    created_at=moment(),
    updated_at=moment(),
)
REWARD_FIELDS: dict[str, Schema] = {
    "name": text("Wings", maxLength=100),
    "category_id": number(),
    "external_id": text("wings", maxLength=255),
    "image": text(description="A PNG, JPEG, WebP or GIF picture in base64.", contentEncoding="base64"),
}
NEW_REWARD = record(optional=("external_id", "image"), **REWARD_FIELDS)
CHANGED_REWARD = record(optional=(*REWARD_FIELDS, "archived"), **REWARD_FIELDS, archived=flag())
NEW_CAMPAIGN = record(optional=set(PLAN) - {"name", "starts_at", "ends_at"}, **PLAN)
CHANGED_CAMPAIGN = record(optional=PLAN, **PLAN)

EXAMPLE_PLAN: dict[str, Any] = {
    "name": "Storm season",
    "category_id": EXAMPLE_ID,
    "starts_at": EXAMPLE_TIME,
    "ends_at": "2026-11-27T12:00:00Z",
    "grace_days": 3,
    "rewards": [{"reward_id": EXAMPLE_ULID, "required_minutes": 60}],
    "channels": ["streamer"],
}


def dry_run(result: Schema) -> Schema:
    """What `dry_run=true` answers: every problem, and what would have been made."""
    problem = record(field=text("ends_at"), message=text("The end must be after the start."))
    return record(valid=flag(), problems=array(problem), result=nullable(result))


def written(result: Schema) -> Schema:
    """What a change answers: done, or as a dry run."""
    return enveloped({"anyOf": [result, dry_run(result)]})


def page_of(name: str, item: Schema) -> Schema:
    """`cursor` is what to pass for the next page, "" where this is the last."""
    return enveloped(record(**{name: array(item)}, cursor=text()))
