"""The numbers of a campaign: pages that share a frame, one module for each (`tabs.py`)."""

from . import channels, comparison, files, fulfilment, funnel, over_time, statuses, stops, uncounted

__all__ = [
    "channels",
    "comparison",
    "files",
    "fulfilment",
    "funnel",
    "over_time",
    "statuses",
    "stops",
    "uncounted",
]
