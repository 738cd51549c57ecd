"""What `fulfillment` registers on the owners' dashboard, its front page among it: the top layer sees all."""

from . import claims, deliveries, endpoints, home, overview, resend, viewers

__all__ = ["claims", "deliveries", "endpoints", "home", "overview", "resend", "viewers"]
