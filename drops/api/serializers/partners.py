"""Channels and categories for partners' typed clients, which know no null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from config.api.fields import (
    EXAMPLE_ID,
    MAX_UINT64,
    Always,
    Choice,
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


class TaggedCategorySerializer(PublicCategorySerializer):
    """Drops knows of no tags."""

    tags = Always([], TEXTS)


class PaginationSerializer(Serializer):
    next_cursor = Text(example="1234", help_text='The `cursor` of the next page, "" after the last.')


class PagedCategoriesSerializer(Serializer):
    data = TaggedCategorySerializer(many=True)  # type: ignore[assignment]  # REST framework's property is not used here
    message = Always("OK", Text())
    pagination = PaginationSerializer()


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


class PublicLivestreamSerializer(Serializer):
    """What is on air. Load the channel, its owner and the category."""

    broadcaster_user_id = Number(source="channel.owner_id", example=EXAMPLE_ID)
    category = StreamedCategorySerializer()
    channel_id = Number(example=EXAMPLE_ID)
    custom_tags = Always([], TEXTS)
    has_mature_content = Flag(source="is_mature")
    language = Text(example="en")
    profile_picture = Picture(source="channel.owner.profile_picture")
    slug = Text(source="channel.slug", example="streamer")
    started_at = Moment()
    stream_title = Text(source="title", example="Storms")
    thumbnail = Always("", Text())
    viewer_count = Number(example=7)


PUBLIC_SORTS = {"viewer_count": "-viewer_count", "started_at": "-started_at"}


class PublicLivestreamsQuery(Query):
    broadcaster_user_id = List(
        Number(most=MAX_UINT64, example=EXAMPLE_ID), most=50, help_text="Streamers, up to 50."
    )
    category_id = Number(
        most=MAX_UINT64, default=None, example=EXAMPLE_ID, help_text="Of this category alone."
    )
    language = Text(most=16, default="", example="en", help_text="In this language alone.")
    limit = Number(least=1, most=100, default=25, help_text="How many at most.")
    page = Number(least=1, most=10_000, default=1, example=1, help_text="A page of `limit`.")
    sort = Choice(PUBLIC_SORTS, default="viewer_count", example="viewer_count", help_text="In which order.")


class PagedCategoriesQuery(Query):
    name = List(
        Text(most=120, strip=False, example="Skyforge"), most=50, help_text="Parts of names, up to 50."
    )
    id = List(Number(most=MAX_UINT64, example=EXAMPLE_ID), most=50, help_text="Categories, up to 50.")
    limit = Number(least=1, most=1000, default=25, help_text="How many at most.")
    cursor = Number(default=0, help_text="The `next_cursor` of the page before.")


class ChannelsQuery(Query):
    broadcaster_user_id = List(
        Number(most=MAX_UINT64, example=EXAMPLE_ID), most=50, help_text="Owners, up to 50."
    )
    slug = List(Text(most=50, strip=False), most=50, help_text="Slugs, up to 50.")


class CategoriesQuery(Query):
    q = Text(most=120, strip=False, default="", example="Skyforge", help_text="A part of the name.")
    page = Number(least=1, most=10_000, default=1, example=1, help_text="A page of 100.")
