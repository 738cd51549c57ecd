"""Watch reports, and what became of them."""

from __future__ import annotations

from typing import Any

from config.api.fields import (
    EXAMPLE_ID,
    MAX_UINT64,
    Choice,
    Flag,
    Is,
    List,
    Moment,
    Number,
    Query,
    Serializer,
    Text,
    Ulid,
)
from drops.api.serializers.viewers import NamedCategorySerializer
from drops.models import Reason


class WatchTokenSerializer(Serializer):
    token = Text(example="1234.1763640300.signature")
    expires_in = Number(example=300, help_text="Seconds.")


class BeatSerializer(Serializer):
    """Of the document alone: `drops.api.watch.read_beat` reads beats, since there are so many."""

    open_ended = True

    token = Text(required=False, help_text="The watch token; it may come as a Bearer token instead.")
    channel_id = Number(least=1, example=EXAMPLE_ID)
    event = Choice(("watch", "start", "goodbye", "switch"), required=False)
    player = Number(required=False, example=7, help_text="A number that the player chose for itself.")


class EventSerializer(Serializer):
    """Of the document alone: `drops.api.watch.read_events` reads them."""

    open_ended = True

    name = Text(example="tracking.user.watch.livestream")
    channel_id = Is({"type": ["integer", "string"]}, required=False, example=EXAMPLE_ID)
    livestream_id = Is({"type": ["integer", "string"]}, required=False, example=EXAMPLE_ID)


class NamedChannelSerializer(Serializer):
    id = Number(example=EXAMPLE_ID)
    slug = Text(example="streamer")


class NextRewardSerializer(Serializer):
    name = Text(source="next_reward.reward.name", example="Wings")
    required_minutes = Number(source="next_reward.required_minutes", example=60)
    minutes_left = Number(example=30)

    def get_attribute(self, instance: Any) -> Any:
        return instance if instance.next_reward else None


class CountingCampaignSerializer(Serializer):
    id = Ulid(source="campaign.pk")
    name = Text(source="campaign.name", example="Storm season")
    minutes = Number(example=30)
    next_reward = NextRewardSerializer(allow_null=True)


class WatchStatusQuery(Query):
    channel_id = Number(most=MAX_UINT64, example=EXAMPLE_ID, help_text="The channel.")


class WatchStatusSerializer(Serializer):
    counting = Flag()
    reason = Choice(Reason.values, allow_null=True)
    text = Text(example="Your watch time counts.")
    since = Moment(allow_null=True)
    other_channel = NamedChannelSerializer(allow_null=True)
    campaigns = CountingCampaignSerializer(many=True)


class WatchedCampaignSerializer(Serializer):
    id = Ulid()
    name = Text(example="Storm season")


class ReasonOrNull(Choice):
    def to_representation(self, value: str) -> str | None:
        return value or None


class Campaigns(List):
    """What a visit counted for: nothing where there is a reason why it did not. Studios see their own campaigns."""

    def get_attribute(self, instance: Any) -> Any:
        studio = self.context["organization_id"]
        campaigns = [] if instance.reason else instance.standing.campaigns.all()
        return [campaign for campaign in campaigns if studio in (None, campaign.organization_id)]


class VisitSerializer(Serializer):
    channel = NamedChannelSerializer()
    category = NamedCategorySerializer(source="standing.category", allow_null=True)
    started_at = Moment()
    last_beat_at = Moment()
    counted_seconds = Number(source="credited_seconds", example=1800)
    reason = ReasonOrNull(Reason.values, allow_null=True)
    text = Text(source="get_reason_display", help_text="The reason in words; empty where it counted.")
    campaigns = Campaigns(WatchedCampaignSerializer())


class HistorySerializer(Serializer):
    visits = VisitSerializer(many=True)
    before = Moment(allow_null=True, help_text="Pass it for the next page.")


class HistoryQuery(Query):
    before = Moment(
        default=None,
        example=None,
        help_text="Only visits that began before: the `before` of the page before.",
    )
    limit = Number(least=1, most=200, default=50, help_text="How many at most.")
