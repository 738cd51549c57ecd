"""What this process counts of claims and attempts, for Prometheus (`config.metrics`)."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from config.metrics import DURATIONS
from fulfillment.models import Attempt
from fulfillment.models.deliveries import LastAnswer

CLAIMED = Histogram(
    "drops_claim_seconds", "How long a claim took, with the first attempt to deliver it.", buckets=DURATIONS
)
REFUSED = Counter("drops_claims_refused", "Claims that were not made, by reason.", ["reason"])
ATTEMPTS = Counter("drops_attempts", "Attempts to deliver, by what came back.", ["outcome"])
ATTEMPTED = Histogram("drops_attempt_seconds", "How long an attempt took.", buckets=DURATIONS)


def note_attempt(attempt: Attempt) -> None:
    ATTEMPTS.labels(LastAnswer.of(attempt.status, attempt.error_class).value).inc()
    if attempt.duration_ms is not None:
        ATTEMPTED.observe(attempt.duration_ms / 1000)
