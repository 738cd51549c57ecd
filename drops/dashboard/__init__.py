"""What `drops` registers on the owners' dashboard."""

from . import campaigns, copies, rewards

__all__ = ["campaigns", "copies", "rewards"]
