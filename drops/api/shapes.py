"""How things of the catalogue look in the APIs, key for key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from config.media import media_url
from drops.models import Category, Channel, Livestream

# What programs in the field take for "no time".
NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


def public_category(category: Category | None) -> dict[str, Any]:
    """An object even where there is none: typed clients know no null here."""
    if category is None:
        return {"id": 0, "name": "", "thumbnail": ""}
    return {"id": category.pk, "name": category.name, "thumbnail": media_url(category.image)}


def public_channel(channel: Channel, livestream: Livestream | None) -> dict[str, Any]:
    """A channel and what is on air there. Drops knows of no subscribers, tags or stream keys."""
    return {
        "active_subscribers_count": 0,
        "banner_picture": media_url(channel.banner),
        "broadcaster_user_id": channel.owner_id,
        "canceled_subscribers_count": 0,
        "category": public_category(livestream.category if livestream else None),
        "channel_description": channel.description,
        "slug": channel.slug,
        "stream": {
            "custom_tags": [],
            "is_live": livestream is not None,
            "is_mature": livestream is not None and livestream.is_mature,
            "key": "",
            "language": livestream.language if livestream else "",
            "start_time": livestream.started_at if livestream else NO_TIME,
            "thumbnail": "",
            "url": "",
            "viewer_count": livestream.viewer_count if livestream else 0,
        },
        "stream_title": livestream.title if livestream else "",
    }


def on_air(livestream: Livestream) -> dict[str, Any]:
    """A stream that is on air, as players know it."""
    category = livestream.category
    return {
        "id": livestream.pk,
        "is_live": True,
        "session_title": livestream.title,
        "viewer_count": livestream.viewer_count,
        "categories": [{"id": category.pk, "name": category.name}] if category else [],
    }


def listed_on_air(livestream: Livestream) -> dict[str, Any]:
    """`on_air` with where it is: one line of a list. Load the channel, its owner and the category."""
    channel = livestream.channel
    return on_air(livestream) | {
        "start_time": livestream.started_at,
        "language": livestream.language,
        "is_mature": livestream.is_mature,
        "channel": {
            "id": channel.pk,
            "slug": channel.slug,
            "username": channel.owner.username,
            "profile_picture": media_url(channel.owner.profile_picture),
        },
    }
