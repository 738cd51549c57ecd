from .chats import ChatPost, ChatShape, ChatWebhook
from .claims import INITIATED, Claim, ClaimSequence, ClaimStatusChange
from .deliveries import NOT_OK, Attempt, Delivery, DeliveryState, ErrorClass, LastAnswer, Trigger
from .endpoints import EndpointHour, EndpointNotice, HoldReason, NoticeKind, WebhookEndpoint
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
    "ClaimSequence",
    "ClaimStatusChange",
    "Delivery",
    "DeliveryState",
    "EndpointHour",
    "EndpointNotice",
    "ErrorClass",
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
