"""What `fulfillment` registers on the owners' dashboard, its front page among it: the top layer sees all."""

from . import (
    chats,
    checklist,
    claims,
    deliveries,
    endpoints,
    forecast,
    home,
    numbers,
    overview,
    rehearsal,
    resend,
    viewers,
    war_room,
)

__all__ = [
    "chats",
    "checklist",
    "claims",
    "deliveries",
    "endpoints",
    "forecast",
    "home",
    "numbers",
    "overview",
    "rehearsal",
    "resend",
    "viewers",
    "war_room",
]
