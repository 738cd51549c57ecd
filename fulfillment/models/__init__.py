from .claims import INITIATED, Claim, ClaimSequence, ClaimStatusChange
from .webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    EndpointNotice,
    ErrorClass,
    HoldReason,
    NoticeKind,
    SigningKey,
    Trigger,
    WebhookEndpoint,
)

__all__ = [
    "INITIATED",
    "Attempt",
    "Claim",
    "ClaimSequence",
    "ClaimStatusChange",
    "Delivery",
    "DeliveryState",
    "EndpointNotice",
    "ErrorClass",
    "HoldReason",
    "NoticeKind",
    "SigningKey",
    "Trigger",
    "WebhookEndpoint",
]
