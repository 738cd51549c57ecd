from .claims import INITIATED, Claim, ClaimSequence, ClaimStatusChange
from .deliveries import Attempt, Delivery, DeliveryState, ErrorClass, Trigger
from .endpoints import EndpointNotice, HoldReason, NoticeKind, WebhookEndpoint
from .keys import SigningKey

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
