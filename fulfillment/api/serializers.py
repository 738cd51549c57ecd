"""What the APIs say of claims, their deliveries and figures."""

from __future__ import annotations

from typing import Any

from config.api.fields import (
    EXAMPLE_ID,
    EXAMPLE_TIME,
    EXAMPLE_ULID,
    MAX_UINT64,
    Choice,
    Flag,
    Is,
    List,
    Moment,
    Number,
    Page,
    Picture,
    Query,
    Serializer,
    Text,
    Ulid,
)
from drops.api.serializers.viewers import CampaignHeadSerializer, CategorySerializer, OrganizationSerializer
from drops.models import Reason
from fulfillment.models import DeliveryState, RehearsalState, StepKind, StepState
from fulfillment.models.deliveries import ErrorClass, Trigger

# Claims


class ClaimsQuery(Page):
    campaign_id = Text(most=255, default="", example=EXAMPLE_ULID, help_text="Of this campaign.")
    user_id = Number(most=MAX_UINT64, default=None, example=EXAMPLE_ID, help_text="Of this viewer.")
    claim_id = Text(most=255, default="", example=EXAMPLE_ULID, help_text="This one.")
    external_status = Text(most=64, strip=False, default="", example="initiated", help_text="In this status.")
    updated_since = Moment(default=None, example=EXAMPLE_TIME, help_text="Changed at this moment or later.")
    limit = Number(least=1, most=1000, default=10, example=10, help_text="How many at most.")


class ClaimSerializer(Serializer):
    """Of the document alone: `claims_page` makes the answer, since pages have thousands."""

    claim_id = Ulid()
    user_id = Number(example=EXAMPLE_ID)
    campaign_id = Ulid()
    reward_id = Ulid()
    external_id = Text(example="wings")
    external_status = Text(example="initiated", help_text="Your own word; a new claim has `initiated`.")
    created_at = Moment()
    updated_at = Moment()
    test = Flag(example=False, help_text="Claimed in test mode, or by a rehearsal.")


class ClaimsPageSerializer(Serializer):
    claims = ClaimSerializer(many=True)
    cursor = Text(help_text="The claim id to pass for the next page.")


class StatusSerializer(Serializer):
    claim_id = Text(example=EXAMPLE_ULID)
    external_status = Text(least=1, most=64, strip=False, example="sent")


class StatusesSerializer(Serializer):
    claims = List(StatusSerializer(), least=1, most=100)


class ToClaimSerializer(Serializer):
    open_ended = True

    reward_id = Text(example=EXAMPLE_ULID)
    campaign_id = Text(example=EXAMPLE_ULID)


class ClaimedSerializer(Serializer):
    id = Ulid()


class ClaimRefusedSerializer(Serializer):
    optional = ("connect_url",)

    message = Text(example="Connect your game account of Northlight Games first, then claim.")
    error = Text(example="INVALID_CLAIM")
    connect_url = Text(example="https://studio.example.com/connect")


# Deliveries


class DeliveriesQuery(Page):
    state = Choice(("", *DeliveryState.values), default="", example="pending", help_text="In this state.")
    claim_id = Text(most=255, default="", example=EXAMPLE_ULID, help_text="Of this claim.")


class Bytes(Text):
    """What a receiver answered need not be text."""

    def to_representation(self, value: bytes | memoryview) -> str:
        return bytes(value).decode("utf-8", errors="replace")


class ClaimIdOrEmpty(Text):
    def get_attribute(self, instance: Any) -> str:
        return super().get_attribute(instance) or ""


class AttemptSerializer(Serializer):
    number = Number(example=1)
    trigger = Choice(Trigger.values)
    started_at = Moment()
    duration_ms = Number(allow_null=True, example=7)
    status = Number(allow_null=True, example=200)
    error_class = Choice(("", *ErrorClass.values))
    error = Text()


class ExchangeSerializer(AttemptSerializer):
    request_headers = Is({"type": "object", "additionalProperties": True})
    response_headers = Is({"type": "object", "additionalProperties": True})
    response_body = Bytes()


class DeliverySerializer(Serializer):
    id = Ulid()
    claim_id = ClaimIdOrEmpty()
    endpoint_id = Ulid()
    url = Text(
        source="endpoint.address",
        example="https://studio.example.com/webhook",
        help_text="Without its query.",
    )
    event_type = Text(example="drops.claim.created")
    state = Choice(DeliveryState.values)
    created_at = Moment()
    delivered_at = Moment(allow_null=True)
    next_attempt_at = Moment(allow_null=True)
    attempts = AttemptSerializer(many=True)


class DeliveriesPageSerializer(Serializer):
    deliveries = DeliverySerializer(many=True)
    cursor = Text(help_text="What to pass for the next page, empty where this is the last.")


class WholeDeliverySerializer(DeliverySerializer):
    attempts = ExchangeSerializer(many=True)
    body = Bytes()


class ReplayQuery(Page):
    since_minutes = Number(
        most=1440,
        default=0,
        example=10,
        help_text="Without a cursor: also what was made in the last minutes. Otherwise only what is new.",
    )
    endpoint_id = Text(
        most=26, default="", example="", help_text="Of this endpoint alone, and none of the others."
    )


class MessageSerializer(Serializer):
    id = Ulid(help_text="The `Kick-Event-Message-ID`. A message can come twice: go by its id.")
    event_type = Text(example="drops.claim.created")
    created_at = Moment()
    headers = Is(
        {"type": "object", "additionalProperties": {"type": "string"}},
        help_text="As the webhook has them, signed with the time of this answer.",
    )
    body = Text(help_text="The bytes that are signed, as UTF-8.")


class ReplayPageSerializer(Serializer):
    messages = MessageSerializer(many=True)
    cursor = Ulid(help_text="What to pass with the next call.")
    poll_after_seconds = Number(
        example=2, help_text="How long to wait before the next call, where no message came."
    )


# Figures


class CountSerializer(Serializer):
    reward_id = Ulid()
    count = Number(example=3)


class ByReward(List):
    def to_representation(self, data: Any) -> list[dict[str, object]]:
        return [{"reward_id": reward_id, "count": data[reward_id]} for reward_id in sorted(data)]


class DaySerializer(Serializer):
    date = Is({"type": "string", "format": "date"}, example="2026-11-20")
    watched_minutes = Number(example=912)
    new_viewers = Number(example=40)
    qualified = ByReward(CountSerializer())
    claims = ByReward(CountSerializer())


class RewardFiguresSerializer(Serializer):
    reward_id = Ulid()
    name = Text(example="Wings")
    required_minutes = Number(example=60)
    qualified = Number(example=140)
    claims = Number(example=120)


class FunnelSerializer(Serializer):
    reward_id = Ulid()
    reached = Number(example=140)
    saw_connect_page = Number(example=131, help_text="Of those who reached it, or linked.")
    linked_before = Number(example=98, help_text="Before they reached it.")
    linked_after = Number(example=27)
    claims = Number(example=120)
    delivered = Number(example=119)
    acknowledged = Number(example=96)


class WatchedForSerializer(Serializer):
    minutes = Number(example=45, help_text="0: a second or more. Then every fifth minute.")
    viewers = Number(allow_null=True, example=188, help_text="Who watched for so long, or longer.")


class StatusFiguresSerializer(Serializer):
    status = Text(example="granted")
    now = Number(allow_null=True, example=80)
    ever = Number(allow_null=True, example=96)


class ChannelFiguresSerializer(Serializer):
    channel_id = Number(example=EXAMPLE_ID)
    slug = Text(example="mira")
    watched_minutes = Number(example=9120)
    new_viewers = Number(allow_null=True, example=150, help_text="Who began the campaign here.")
    uncounted_minutes = Number(example=310)


class UncountedSerializer(Serializer):
    reason = Choice(Reason.values)
    minutes = Number(example=310)


class EndpointFiguresSerializer(Serializer):
    endpoint_id = Ulid(
        allow_null=True, help_text="`null`: acknowledged without having arrived at any endpoint."
    )
    arrived = Number(example=120)
    arrived_at_once = Number(example=114)
    retries = Number(example=9, help_text="Attempts after the first.")
    arrived_p50_ms = Number(allow_null=True, example=100, help_text="From the first attempt on.")
    arrived_p95_ms = Number(allow_null=True, example=5000)
    acknowledged = Number(example=96, help_text="You set a status for the first time.")
    acknowledged_p50_ms = Number(allow_null=True, example=60000, help_text="From the arrival on.")
    acknowledged_p95_ms = Number(allow_null=True, example=7200000)


class StatisticsSerializer(Serializer):
    campaign_id = Ulid()
    as_of = Moment(allow_null=True, help_text="What was watched until then is counted.")
    watched_minutes = Number(example=18204)
    unique_viewers = Number(example=311)
    claimed_rewards = Number(example=120)
    days = DaySerializer(many=True)
    rewards = RewardFiguresSerializer(many=True)
    funnel = FunnelSerializer(many=True)
    watched_for = WatchedForSerializer(many=True)
    channels = ChannelFiguresSerializer(many=True)
    uncounted = UncountedSerializer(many=True)
    fulfilled_as_of = Moment(allow_null=True, help_text="Deliveries until then are in `endpoints`.")
    endpoints = EndpointFiguresSerializer(many=True)
    statuses = StatusFiguresSerializer(many=True)


# A viewer's own progress


class SummaryQuery(Query):
    campaign_id = Text(most=255, default="", example=EXAMPLE_ULID, help_text="Of this campaign alone.")


class Share(Is):
    def __init__(self, **options: Any) -> None:
        super().__init__({"type": "number", "minimum": 0, "maximum": 1}, **options)

    def to_representation(self, value: Any) -> Any:
        return value.minutes / value.required_minutes


class OwnRewardSerializer(Serializer):
    id = Ulid(source="reward.pk")
    name = Text(source="reward.name", example="Wings")
    image_url = Picture(source="reward.image")
    external_id = Text(source="reward.external_id", example="wings")
    required_units = Number(source="required_minutes", example=60, help_text="Minutes.")
    progress = Share(source="*")
    claimed = Flag()


class ProgressSerializer(CampaignHeadSerializer):
    statuses = ("in_progress", "claimed", "expired", "upcoming")

    organization = OrganizationSerializer(source="campaign.organization")
    user_app_connected = Flag()
    progress_units = Number(example=30, help_text="Minutes.")
    rewards = OwnRewardSerializer(many=True)
    category = CategorySerializer(source="campaign.category")


class SummarySerializer(Serializer):
    id = Ulid(source="campaign.pk")
    progress_units = Number(example=30)
    rewards = OwnRewardSerializer(many=True)


# The keys that webhooks are signed with


class PublicKeySerializer(Serializer):
    public_key = Text(example="-----BEGIN PUBLIC KEY-----\n…")


class JWKSerializer(Serializer):
    kty = Text(example="RSA")
    use = Text(example="sig")
    alg = Text(example="RS256")
    kid = Text(example="1")
    n = Text()
    e = Text(example="AQAB")


class JWKSSerializer(Serializer):
    keys = JWKSerializer(many=True)


# Rehearsals


class ToRehearseSerializer(Serializer):
    user_id = Number(
        least=1,
        example=EXAMPLE_ID,
        help_text="The member who goes the way of a viewer, with a role that may test.",
    )
    reward_id = Ulid(
        default=None, allow_null=True, help_text="Left out: the one that takes the fewest minutes."
    )
    endpoint_id = Ulid(
        default=None,
        allow_null=True,
        help_text="The only endpoint to send to. Left out: all, as for a claim.",
    )
    stand_in = Flag(
        default=False,
        example=True,
        help_text="Go on without a game account where the member has connected none. Without it the run waits.",
    )


class RehearsalStepSerializer(Serializer):
    step = Choice(StepKind.values, source="kind")
    state = Choice(("open", *StepState.values))
    code = Text(source="step.code", default="", example="granted")
    text = Text(source="told.text", default="")
    advice = Text(source="told.advice", default="")
    started_at = Moment(source="step.started_at", default=None, allow_null=True)
    duration_ms = Number(source="step.duration_ms", default=None, allow_null=True, example=12)


class RehearsalExchangeSerializer(Serializer):
    delivery_id = Ulid(source="delivery.pk")
    endpoint_id = Ulid(source="delivery.endpoint_id")
    url = Text(source="delivery.endpoint.address", example="https://studio.example.com/webhook")
    attempt = ExchangeSerializer(allow_null=True)


class RehearsalSerializer(Serializer):
    id = Ulid(source="rehearsal.pk")
    campaign_id = Ulid(source="rehearsal.campaign_id")
    reward_id = Ulid(source="rehearsal.reward_id")
    user_id = Number(source="rehearsal.viewer_id", example=EXAMPLE_ID)
    state = Choice(RehearsalState.values, help_text="`passed` and `failed` are final.")
    claim_id = Text(source="claim.pk", default="", example=EXAMPLE_ULID, help_text="Empty before the claim.")
    connect_url = Text(
        default="", help_text="Where the member connects a game account, while the run waits for it."
    )
    started_at = Moment(source="rehearsal.started_at")
    ended_at = Moment(source="rehearsal.ended_at", allow_null=True)
    steps = RehearsalStepSerializer(many=True)
    deliveries = RehearsalExchangeSerializer(source="exchanges", many=True)
