from .chats import ChatPost, ChatShape, ChatWebhook
from .claims import (
    INITIATED,
    Claim,
    ClaimHour,
    ClaimSequence,
    ClaimStatusChange,
    DeliveredHour,
    StatusHour,
)
from .deliveries import NOT_OK, Attempt, Delivery, DeliveryState, ErrorClass, LastAnswer, Trigger
from .endpoints import (
    CAMPAIGN_EVENT,
    CAMPAIGN_EVENTS,
    CLAIM_CREATED,
    EndpointHour,
    EndpointNotice,
    HoldReason,
    NoticeKind,
    WebhookEndpoint,
)
from .fulfilment import CountedUntil, FulfilmentHour, FulfilmentStep
from .keys import SigningKey
from .load_rehearsals import OPEN_LOAD_STATES, LoadEnd, LoadRehearsal, LoadState
from .rehearsals import (
    OPEN_STATES,
    Rehearsal,
    RehearsalState,
    RehearsalStep,
    StepKind,
    StepState,
)
from .results import CampaignResult
from .war_room import CampaignMinute, WarRoomLink

__all__ = [
    "CAMPAIGN_EVENT",
    "CAMPAIGN_EVENTS",
    "CLAIM_CREATED",
    "INITIATED",
    "NOT_OK",
    "OPEN_LOAD_STATES",
    "OPEN_STATES",
    "Attempt",
    "CampaignMinute",
    "CampaignResult",
    "ChatPost",
    "ChatShape",
    "ChatWebhook",
    "Claim",
    "ClaimHour",
    "ClaimSequence",
    "ClaimStatusChange",
    "CountedUntil",
    "DeliveredHour",
    "Delivery",
    "DeliveryState",
    "EndpointHour",
    "EndpointNotice",
    "ErrorClass",
    "FulfilmentHour",
    "FulfilmentStep",
    "HoldReason",
    "LastAnswer",
    "LoadEnd",
    "LoadRehearsal",
    "LoadState",
    "NoticeKind",
    "Rehearsal",
    "RehearsalState",
    "RehearsalStep",
    "SigningKey",
    "StatusHour",
    "StepKind",
    "StepState",
    "Trigger",
    "WarRoomLink",
    "WebhookEndpoint",
]
