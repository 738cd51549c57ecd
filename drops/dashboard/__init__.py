"""What `drops` registers on the owners' dashboard."""

from . import campaigns, copies, files, rewards

__all__ = ["campaigns", "copies", "files", "rewards"]
