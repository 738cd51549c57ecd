from .claims import Claim, ClaimSequence, ClaimStatusChange
from .webhooks import Attempt, Delivery, DeliveryState, SigningKey, WebhookEndpoint

__all__ = [
    "Attempt",
    "Claim",
    "ClaimSequence",
    "ClaimStatusChange",
    "Delivery",
    "DeliveryState",
    "SigningKey",
    "WebhookEndpoint",
]
