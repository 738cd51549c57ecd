"""Reads load rehearsals: what was reached, what was answered, and whether it is enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from accounts.models import Organization
from fulfillment.domain.delivery.hours import Answers
from fulfillment.models import LastAnswer, LoadEnd, LoadRehearsal, LoadState

SHOWN = 10
# Up to so many of a hundred events may fail in a run that is enough: they would be sent again.
FAILED_SHARE = 0.01
# What is reached is a little below what was asked for, as threads do not wake up to the millisecond.
SLACK = 0.95


class Verdict(Enum):
    ENOUGH = "enough"
    NOT_ENOUGH = "not_enough"  # slower than expected, or too many failed
    NOT_TRIED = "not_tried"  # it did all that was asked for, which was less than is expected


@dataclass(frozen=True, slots=True)
class Report:
    """`state` and `why` as they are now: a run that nobody goes on with has stopped. Times are in milliseconds,
    rounded down to two digits; None without an answer."""

    run: LoadRehearsal
    state: LoadState
    why: str
    answers: Sequence[tuple[LastAnswer, int]]
    times: Answers

    @property
    def is_open(self) -> bool:
        return self.state in (LoadState.WAITING, LoadState.RUNNING)

    @property
    def rate(self) -> float:
        """Events a second that were sent and answered or given up."""
        if not self.run.took_ms:
            return 0.0
        # The time ends with the last answer, not with the pause after it.
        return min(self.run.sent * 1000 / self.run.took_ms, self.run.rate)

    @property
    def arrived(self) -> int:
        return int(self.run.answers.get(LastAnswer.OK, 0))

    @property
    def failed(self) -> int:
        return self.run.sent - self.arrived

    @property
    def timeouts(self) -> int:
        return int(self.run.answers.get(LastAnswer.TIMEOUT, 0))

    @property
    def p50_ms(self) -> int | None:
        return self.times.percentile(0.50)

    @property
    def p95_ms(self) -> int | None:
        return self.times.percentile(0.95)

    @property
    def p99_ms(self) -> int | None:
        return self.times.percentile(0.99)

    def verdict(self, expected: float) -> Verdict:
        """Whether the endpoint takes `expected` claims a second."""
        if self.failed > FAILED_SHARE * self.run.sent or self.rate < SLACK * min(expected, self.run.rate):
            return Verdict.NOT_ENOUGH
        return Verdict.ENOUGH if self.run.rate >= SLACK * expected else Verdict.NOT_TRIED


def report(run: LoadRehearsal, *, now: datetime) -> Report:
    """No query."""
    state, why = LoadState(run.state), run.why
    if run.is_overdue(now):
        why = LoadEnd.NO_WORKER if state is LoadState.WAITING else LoadEnd.BROKEN_OFF
        state = LoadState.STOPPED
    durations = Counter({int(ms): count for ms, count in run.durations.items()})
    answers = sorted(
        ((LastAnswer(name), count) for name, count in run.answers.items()), key=lambda each: -each[1]
    )
    return Report(run, state, why, answers, Answers(run.sent, 0, durations))


def last_runs(organization: Organization, *, now: datetime) -> Sequence[Report]:
    """The latest first. One query."""
    runs = LoadRehearsal.objects.filter(organization=organization).select_related("endpoint", "started_by")
    return [report(run, now=now) for run in runs.order_by("-created_at", "-pk")[:SHOWN]]
