from .chats import ChatPost, ChatShape, ChatWebhook
from .claims import INITIATED, Claim, ClaimHour, ClaimSequence, ClaimStatusChange
from .deliveries import NOT_OK, Attempt, Delivery, DeliveryState, ErrorClass, LastAnswer, Trigger
from .endpoints import EndpointHour, EndpointNotice, HoldReason, NoticeKind, WebhookEndpoint
from .fulfilment import CountedUntil, FulfilmentHour, FulfilmentStep
from .keys import SigningKey
from .rehearsals import (
    OPEN_STATES,
    Rehearsal,
    RehearsalState,
    RehearsalStep,
    StepKind,
    StepState,
)

__all__ = [
    "INITIATED",
    "NOT_OK",
    "OPEN_STATES",
    "Attempt",
    "ChatPost",
    "ChatShape",
    "ChatWebhook",
    "Claim",
    "ClaimHour",
    "ClaimSequence",
    "ClaimStatusChange",
    "CountedUntil",
    "Delivery",
    "DeliveryState",
    "EndpointHour",
    "EndpointNotice",
    "ErrorClass",
    "FulfilmentHour",
    "FulfilmentStep",
    "HoldReason",
    "LastAnswer",
    "NoticeKind",
    "Rehearsal",
    "RehearsalState",
    "RehearsalStep",
    "SigningKey",
    "StepKind",
    "StepState",
    "Trigger",
    "WebhookEndpoint",
]
