"""What this process counts of beats, for Prometheus (`config.metrics`)."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from config.metrics import DURATIONS

ACCEPTED = Counter("drops_beats_accepted", "Beats that were taken into the watch stream.")
REFUSED = Counter(
    "drops_beats_refused",
    "Beats that were not taken in, or were dropped later, by reason.",
    ["reason"],
)
CREDITED = Counter("drops_beats_credited", "Beats that crediting has gone through, whatever they earned.")
SECONDS = Counter("drops_watch_seconds", "Seconds of watch time that counted.")
BATCHES = Histogram("drops_crediting_seconds", "How long a batch of beats took to credit.", buckets=DURATIONS)
