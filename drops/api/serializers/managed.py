"""Drops as code: an organization's campaigns and rewards, as its own servers write and read them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.core.exceptions import ValidationError as NotValid
from django.core.files.base import ContentFile
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.domain.images import prepare_image
from config.api.fields import (
    EXAMPLE_ID,
    Choice,
    Field,
    Flag,
    List,
    Moment,
    Number,
    Picture,
    Query,
    Serializer,
    Text,
    Ulid,
)
from drops.domain.campaigns.allow_lists import channels_named
from drops.domain.campaigns.plans import MAX_CHANNELS, MAX_DAYS, RewardPlan
from drops.domain.catalogue.pictures import IMAGE_SIZE
from drops.models import MAX_REWARDS, Campaign, CampaignPhase, Category, Channel, Reward

MAX_IMAGE_BASE64 = 1_500_000  # the body's limit leaves room for no more


class WriteQuery(Query):
    dry_run = Flag(default=False, help_text="`true`: tell every problem and change nothing.")


class CategoryId(serializers.PrimaryKeyRelatedField):
    """A category by its id: `category_id` outside, `category` inside."""

    default_error_messages = {
        **Field.default_error_messages,
        "does_not_exist": "There is no category {pk_value}.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(
            queryset=Category.objects.all(), source="category", pk_field=Number(example=EXAMPLE_ID), **options
        )

    def get_queryset(self) -> Any:
        """Those that were merged too: their ids go on standing for what they were merged into."""
        return Category.every.select_related("merged_into")

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        return found.merged_into or found

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Without REST framework's taking "" for null."""
        return serializers.Field.run_validation(self, data)


class WantedRewardSerializer(Serializer):
    reward_id = Ulid()
    required_minutes = Number(least=1, most=10**6, example=60)


class Rewards(List):
    """In the order in which viewers see them."""

    def get_attribute(self, instance: Campaign) -> Any:
        return instance.campaign_rewards.all()

    def to_internal_value(self, data: Any) -> list[RewardPlan]:
        wanted = super().to_internal_value(data)
        ids = [entry["reward_id"] for entry in wanted]
        own = Reward.objects.filter(organization=self.context["organization_id"]).in_bulk(ids)
        if missing := [reward_id for reward_id in ids if reward_id not in own]:
            raise ValidationError(f"Your organization has no reward {', '.join(missing)}.")
        return [
            RewardPlan(own[entry["reward_id"]], entry["required_minutes"], position)
            for position, entry in enumerate(wanted, start=1)
        ]


class Channels(List):
    def get_attribute(self, instance: Campaign) -> list[str]:
        return [allowed.channel.slug for allowed in instance.allowed_channels.all()]

    def to_internal_value(self, data: Any) -> list[Channel]:
        slugs = [slug.lower() for slug in super().to_internal_value(data)]
        found = channels_named(slugs)
        if missing := [slug for slug in slugs if slug not in found]:
            raise ValidationError(f"There is no channel {', '.join(missing[:10])}.")
        return list(dict.fromkeys(found.values()))


class Phase(Choice):
    def to_representation(self, value: Campaign) -> str:
        return value.phase(self.context["now"])


class ManagedCampaignSerializer(Serializer):
    """The context has `organization_id` for what is read, `now` for what is answered."""

    id = Ulid(read_only=True)
    phase = Phase(CampaignPhase.values, source="*", read_only=True)
    name = Text(most=120, example="Storm season")
    category_id = CategoryId(allow_null=True, required=False)
    info_url = Text(most=200, required=False, example="https://studio.example.com/storm")
    starts_at = Moment()
    ends_at = Moment(example="2026-11-27T12:00:00Z")
    announcement_days = Number(most=MAX_DAYS, required=False, example=2)
    grace_days = Number(most=MAX_DAYS, required=False, example=3)
    test_mode = Flag(required=False)
    rewards = Rewards(WantedRewardSerializer(), most=MAX_REWARDS, required=False)
    channels = Channels(
        Text(most=50, example="streamer"),
        most=MAX_CHANNELS,
        required=False,
        help_text="Slugs; empty: every channel.",
    )
    publish_at = Moment(
        required=False,
        allow_null=True,
        help_text="When a draft is published by itself; null: not by itself. Null once it is published.",
    )
    published_at = Moment(read_only=True, allow_null=True)
    withdrawn_at = Moment(read_only=True, allow_null=True)
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)


class ProblemSerializer(Serializer):
    code = Text(example="no_rewards")
    message = Text(source="text", example="Attach at least one reward.")


class BeforePublishing(List):
    def get_attribute(self, instance: Campaign) -> Any:
        return self.context["before_publishing"]


class WrittenCampaignSerializer(ManagedCampaignSerializer):
    before_publishing = BeforePublishing(
        ProblemSerializer(), read_only=True, help_text="What keeps a draft from being published."
    )


class CampaignsPageSerializer(Serializer):
    campaigns = ManagedCampaignSerializer(many=True)
    cursor = Text(help_text="What to pass for the next page, empty where this is the last.")


class PictureUpload(Text):
    """A picture in base64, made ready to be kept."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            raw = base64.b64decode(super().to_internal_value(data), validate=True)
        except (binascii.Error, ValueError):
            raise ValidationError("must be a PNG, JPEG, WebP or GIF picture in base64.") from None
        try:
            return prepare_image(ContentFile(raw, "image"), size=IMAGE_SIZE, square=True)
        except NotValid as error:
            raise ValidationError(error.messages) from None

    def schema(self) -> dict[str, Any]:
        return super().schema() | {"contentEncoding": "base64"}


class IsArchived(Flag):
    def get_attribute(self, instance: Reward) -> bool:
        return instance.archived_at is not None


class ManagedRewardSerializer(Serializer):
    id = Ulid(read_only=True)
    name = Text(most=100, example="Wings")
    category_id = CategoryId()
    external_id = Text(most=255, required=False, example="wings")
    image = PictureUpload(
        most=MAX_IMAGE_BASE64,
        required=False,
        write_only=True,
        help_text="A PNG, JPEG, WebP or GIF picture in base64.",
    )
    image_url = Picture(source="image", read_only=True)
    archived = IsArchived(read_only=True)
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)


class ChangedRewardSerializer(ManagedRewardSerializer):
    """`archived` takes a reward out of use, and back."""

    archived = IsArchived(required=False)


class RewardsPageSerializer(Serializer):
    rewards = ManagedRewardSerializer(many=True)
    cursor = Text(help_text="What to pass for the next page, empty where this is the last.")


class WrongFieldSerializer(Serializer):
    field = Text(example="ends_at")
    message = Text(example="The end must be after the start.")
