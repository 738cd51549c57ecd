"""Channels and categories for partners' typed clients, which know no null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from config.api.fields import (
    EXAMPLE_ID,
    MAX_UINT64,
    Always,
    Flag,
    Is,
    List,
    Moment,
    Number,
    Picture,
    Query,
    Serializer,
    Text,
)
from drops.models import Category, Channel, Livestream

TEXTS = Is({"type": "array", "items": {"type": "string"}})


class PublicCategorySerializer(Serializer):
    id = Number(example=EXAMPLE_ID)
    name = Text(example="Skyforge Rally")
    thumbnail = Picture(source="image")


class StreamedCategorySerializer(PublicCategorySerializer):
    """A category even where nothing is on air."""

    def get_attribute(self, instance: Any) -> Category:
        return super().get_attribute(instance) or Category(pk=0)


class IsLive(Flag):
    def to_representation(self, value: Livestream) -> bool:
        return value.pk is not None


class StreamSerializer(Serializer):
    """Drops knows of no tags or stream keys."""

    custom_tags = Always([], TEXTS)
    is_live = IsLive(source="*")
    is_mature = Flag()
    key = Always("", Text())
    language = Text(example="en")
    start_time = Moment(source="started_at")
    thumbnail = Always("", Text())
    url = Always("", Text())
    viewer_count = Number(example=7)


class StreamingChannel(NamedTuple):
    """A channel and what is on air there, `OFFLINE` where nothing is."""

    channel: Channel
    livestream: Livestream


# What programs in the field take for "no time" is its start.
OFFLINE = Livestream(started_at=datetime(1, 1, 1, tzinfo=UTC))


class PublicChannelSerializer(Serializer):
    """Drops knows of no subscribers."""

    active_subscribers_count = Always(0, Number())
    banner_picture = Picture(source="channel.banner")
    broadcaster_user_id = Number(source="channel.owner_id", example=EXAMPLE_ID)
    canceled_subscribers_count = Always(0, Number())
    category = StreamedCategorySerializer(source="livestream.category")
    channel_description = Text(source="channel.description")
    slug = Text(source="channel.slug", example="streamer")
    stream = StreamSerializer(source="livestream")
    stream_title = Text(source="livestream.title", example="Storms")


class ChannelsQuery(Query):
    broadcaster_user_id = List(
        Number(most=MAX_UINT64, example=EXAMPLE_ID), most=50, help_text="Owners, up to 50."
    )
    slug = List(Text(most=50, strip=False), most=50, help_text="Slugs, up to 50.")


class CategoriesQuery(Query):
    q = Text(most=120, strip=False, default="", example="Skyforge", help_text="A part of the name.")
    page = Number(least=1, most=10_000, default=1, example=1, help_text="A page of 100.")
