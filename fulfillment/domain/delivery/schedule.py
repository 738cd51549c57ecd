"""When a failed delivery is attempted again."""

from __future__ import annotations

import random
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from fulfillment.domain.delivery import breaker
from fulfillment.models import (
    Attempt,
    Delivery,
    DeliveryState,
    LastAnswer,
    Trigger,
)

# Pauses after a failed attempt, each varied by up to a fifth. The last one repeats.
SCHEDULE = [
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
]
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=24)
# A delivery that fails for this long is given up until an owner sends it again. An endpoint is held then.
HOLD_AFTER = breaker.HOLD_AFTER


def what_follows(delivery: Delivery, attempt: Attempt) -> dict[str, object]:
    """The fields of a delivery after a failed attempt: with another attempt, or without one until an owner asks
    for it. Tests and rehearsals are attempted once. A verification is always tried again, because claims wait for
    it. A delivery that had arrived before it was sent again stays delivered."""
    answer = {"last_answer": LastAnswer.of(attempt.status, attempt.error_class)}
    since = delivery.retrying_since or attempt.started_at
    too_old = delivery.claim_id is not None and attempt.ended_at - since >= HOLD_AFTER
    if attempt.trigger in (Trigger.TEST, Trigger.REHEARSAL) or too_old:
        state = DeliveryState.DELIVERED if delivery.delivered_at else DeliveryState.FAILED
        return {"state": state, "next_attempt_at": None, **answer}
    failures = delivery.failures + 1
    wait = SCHEDULE[min(failures, len(SCHEDULE)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return {
        "trigger": Trigger.RETRY,
        "failures": failures,
        "retrying_since": since,
        "next_attempt_at": attempt.ended_at + max(wait, min(retry_after(attempt), LONGEST_RETRY_AFTER)),
        **answer,
    }


def retry_after(attempt: Attempt) -> timedelta:
    """The pause that the answer's Retry-After asks for, in seconds or by a date; zero if it is neither."""
    headers = {name.lower(): value for name, value in attempt.response_headers.items()}
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return timedelta(seconds=min(int(asked[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        at = parsedate_to_datetime(asked)
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    if at.tzinfo is None:  # "-0000" is UTC without a known zone
        at = at.replace(tzinfo=UTC)
    return max(at - attempt.ended_at, timedelta())
