"""Campaigns and livestreams, as players and overlays know them."""

from __future__ import annotations

from typing import NamedTuple, cast

from config.api.fields import (
    EXAMPLE_ID,
    MAX_UINT64,
    Always,
    Choice,
    Flag,
    List,
    Moment,
    Number,
    Picture,
    Query,
    Schema,
    Serializer,
    Text,
    Ulid,
)
from drops.models import Campaign, Category, Livestream


class CategorySerializer(Serializer):
    id = Number(example=EXAMPLE_ID)
    name = Text(example="Skyforge Rally")
    slug = Text(example="skyforge-rally")
    image_url = Picture(source="image")


class OrganizationSerializer(Serializer):
    id = Ulid()
    name = Text(example="Northlight Games")
    logo_url = Picture(source="logo")
    url = Text()


class ListedOrganizationSerializer(OrganizationSerializer):
    restricted = Always(False, Flag())
    email_notification = Always(False, Flag())


class Status(Choice):
    """One of those that the serializer it stands in has."""

    def schema(self) -> Schema:
        return {"type": "string", "enum": list(cast("CampaignHeadSerializer", self.parent).statuses)}


class CampaignHeadSerializer(Serializer):
    """What every list for viewers says first. What is shown has a `campaign` and a `status`."""

    optional = ("category",)
    statuses: tuple[str, ...]

    id = Ulid(source="campaign.pk")
    name = Text(source="campaign.name", example="Storm season")
    status = Status(())
    starts_at = Moment(source="campaign.starts_at")
    ends_at = Moment(source="campaign.ends_at")
    created_at = Moment(source="campaign.created_at")
    updated_at = Moment(source="campaign.updated_at")
    connect_url = Text(source="campaign.organization.connect_url")
    url = Text(source="campaign.info_url")


class StreamerSerializer(Serializer):
    id = Number(example=EXAMPLE_ID)
    username = Text(example="streamer")
    profile_picture = Picture()


class AllowedChannelSerializer(Serializer):
    id = Number(source="channel.pk", example=EXAMPLE_ID)
    slug = Text(source="channel.slug", example="streamer")
    description = Text(source="channel.description")
    banner_picture_url = Picture(source="channel.banner")
    user = StreamerSerializer(source="channel.owner")


class AttachedRewardSerializer(Serializer):
    id = Ulid(source="reward.pk")
    name = Text(source="reward.name", example="Wings")
    image_url = Picture(source="reward.image")
    required_units = Number(source="required_minutes", example=60, help_text="Minutes.")
    category_id = Number(source="reward.category_id", example=EXAMPLE_ID)
    organization_id = Ulid(source="reward.organization_id")


class RuleSerializer(Serializer):
    id = Always(1, Number())
    name = Always("Watch to redeem", Text())


class ListedCampaign(NamedTuple):
    campaign: Campaign
    status: str


class ListedCampaignSerializer(CampaignHeadSerializer):
    statuses = ("active", "upcoming", "expired")

    category = CategorySerializer(source="campaign.category")
    organization = ListedOrganizationSerializer(source="campaign.organization")
    channels = AllowedChannelSerializer(source="campaign.allowed_channels", many=True)
    rewards = AttachedRewardSerializer(source="campaign.campaign_rewards", many=True)
    rule = RuleSerializer(source="*")


class Categories(List):
    """The category of a livestream as a list of one, or of none."""

    def get_attribute(self, instance: Livestream) -> list[Category]:
        return [instance.category] if instance.category else []


class NamedCategorySerializer(Serializer):
    id = Number(example=EXAMPLE_ID)
    name = Text(example="Skyforge Rally")


class OnAirSerializer(Serializer):
    """A stream that is on air."""

    id = Number(example=EXAMPLE_ID)
    is_live = Always(True, Flag())
    session_title = Text(source="title", example="Storms")
    viewer_count = Number(example=7)
    categories = Categories(NamedCategorySerializer())


class IsOnAir(Flag):
    def to_representation(self, value: Livestream) -> bool:
        return value.ended_at is None


class VideoSerializer(Serializer):
    """A stream of a channel, on air or over."""

    id = Number(example=EXAMPLE_ID)
    is_live = IsOnAir(source="*")
    session_title = Text(source="title", example="Storms")
    categories = Categories(NamedCategorySerializer())


class VideosQuery(Query):
    limit = Number(least=1, most=100, default=25, help_text="How many at most.")
    page = Number(least=1, most=1000, default=1, example=1, help_text="A page of `limit`.")


class StreamersChannelSerializer(Serializer):
    id = Number(example=EXAMPLE_ID)
    slug = Text(example="streamer")
    username = Text(source="owner.username", example="streamer")
    profile_picture = Picture(source="owner.profile_picture")


class ListedOnAirSerializer(OnAirSerializer):
    """With where it is: one line of a list. Load the channel, its owner and the category."""

    start_time = Moment(source="started_at")
    language = Text(example="en")
    is_mature = Flag()
    channel = StreamersChannelSerializer()


class LivestreamsSerializer(Serializer):
    livestreams = ListedOnAirSerializer(many=True)


class ChannelSerializer(Serializer):
    id = Number(source="channel.pk", example=EXAMPLE_ID)
    slug = Text(source="channel.slug", example="streamer")
    livestream = OnAirSerializer(allow_null=True)


SORTS = {
    "viewer_count_desc": "-viewer_count",
    "viewer_count_asc": "viewer_count",
    "viewer_count": "-viewer_count",
    "started_at": "-started_at",
}


class LivestreamsQuery(Query):
    category_id = Number(
        most=MAX_UINT64, default=None, example=EXAMPLE_ID, help_text="Of this category alone."
    )
    limit = Number(least=1, most=100, default=24, help_text="How many at most.")
    sort = Choice(
        SORTS, default="viewer_count_desc", example="viewer_count_desc", help_text="In which order."
    )
