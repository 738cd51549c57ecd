"""The numbers of a campaign: pages that share a frame, one module for each (`tabs.py`)."""

from . import files, fulfilment, funnel

__all__ = ["files", "fulfilment", "funnel"]
