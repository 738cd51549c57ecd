"""What `fulfillment` registers on the owners' dashboard, its front page among it: the top layer sees all."""

from . import checklist, claims, deliveries, endpoints, home, overview, rehearsal, resend, viewers

__all__ = [
    "checklist",
    "claims",
    "deliveries",
    "endpoints",
    "home",
    "overview",
    "rehearsal",
    "resend",
    "viewers",
]
