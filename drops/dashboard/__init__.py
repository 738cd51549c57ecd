"""What `drops` registers on the owners' dashboard."""

from . import campaigns, rewards

__all__ = ["campaigns", "rewards"]
