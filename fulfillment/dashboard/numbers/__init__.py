"""The numbers of a campaign: pages that share a frame, one module for each (`tabs.py`)."""

from . import comparison, files, fulfilment, funnel

__all__ = ["comparison", "files", "fulfilment", "funnel"]
