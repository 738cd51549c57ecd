"""The numbers of a campaign: pages that share a frame, one module for each (`tabs.py`)."""

from . import funnel

__all__ = ["funnel"]
