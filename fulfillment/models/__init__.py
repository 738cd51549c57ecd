from .chats import ChatPost, ChatShape, ChatWebhook
from .claims import INITIATED, Claim, ClaimSequence, ClaimStatusChange
from .deliveries import Attempt, Delivery, DeliveryState, ErrorClass, Trigger
from .endpoints import EndpointNotice, HoldReason, NoticeKind, WebhookEndpoint
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
    "EndpointNotice",
    "ErrorClass",
    "HoldReason",
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
