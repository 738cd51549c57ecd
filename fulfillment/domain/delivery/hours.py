"""The answers of an endpoint by the hour: how many attempts to send claims, how many arrived, how long they took.

An hour is counted from its attempts once it is over, and its row then stands for them: a page reads rows of hours, and
attempts only of the hours that are not counted yet. Nothing is written when an attempt is made, so that deliveries of
one endpoint do not wait for one another. An outcome can be written late, by a process that waited for the database:
each hour is counted once more a day later. Tests, rehearsals, and what failed because of Drops itself, are left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Case, Count, F, IntegerField, Q, When
from django.db.models.functions import TruncHour

from fulfillment.domain.delivery.breaker import ARRIVED
from fulfillment.domain.delivery.status import DELETED
from fulfillment.models import Attempt, EndpointHour, ErrorClass, Trigger, WebhookEndpoint

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# An hour is counted so long after its end: an attempt takes ten seconds, and a lease is over ten seconds later.
SETTLED = timedelta(minutes=5)
# How far back hours are counted that nobody has counted.
FURTHEST = timedelta(days=8)

# Milliseconds to two digits, so that an hour has few different ones: 7, 42, 120, 3400.
_ROUNDED = Case(
    When(duration_ms__lt=100, then=F("duration_ms")),
    When(duration_ms__lt=1000, then=F("duration_ms") / 10 * 10),
    default=F("duration_ms") / 100 * 100,
    output_field=IntegerField(),
)


@dataclass(slots=True)
class Answers:
    """`durations`: how many attempts took so many milliseconds, rounded down to two digits."""

    attempts: int = 0
    arrived: int = 0
    durations: Counter[int] = field(default_factory=Counter)

    def add(self, other: Answers) -> None:
        self.attempts += other.attempts
        self.arrived += other.arrived
        self.durations.update(other.durations)

    @property
    def share(self) -> float | None:
        """0 to 1; None without an attempt."""
        return self.arrived / self.attempts if self.attempts else None

    def percentile(self, share: float) -> int | None:
        """The milliseconds within which this share of the attempts was over; None if none had an end."""
        place = min(self.durations.total() - 1, int(share * self.durations.total()))
        for duration in sorted(self.durations):
            place -= self.durations[duration]
            if place < 0:
                return duration
        return None


def start_of_hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def answers_by_hour(*, endpoint: WebhookEndpoint, now: datetime, hours: int) -> dict[datetime, Answers]:
    """The last `hours` hours, the one that runs among them, each with its answers. Two queries."""
    last = start_of_hour(now)
    first = last - (hours - 1) * HOUR
    found = {first + number * HOUR: Answers() for number in range(hours)}
    counted = min(max(endpoint.counted_until or first, first), last)
    for row in EndpointHour.objects.filter(endpoint=endpoint, hour__gte=first, hour__lt=counted):
        durations = Counter({int(ms): count for ms, count in row.durations.items()})
        found[row.hour] = Answers(row.attempts, row.arrived, durations)
    found.update(_count(endpoint.pk, counted, last + HOUR))
    return found


def together(hours: Iterable[Answers]) -> Answers:
    total = Answers()
    for each in hours:
        total.add(each)
    return total


def count_hours(*, now: datetime) -> None:
    """Count the hours that are over and not counted yet, and once more those of a day ago."""
    until = start_of_hour(now - SETTLED)
    behind = WebhookEndpoint.objects.filter(~DELETED).exclude(counted_until__gte=until)
    for endpoint in behind.only("created_at", "counted_until"):
        since = endpoint.counted_until or start_of_hour(endpoint.created_at)
        since = max(since, until - FURTHEST)
        _write(endpoint.pk, since, until)
        _write(endpoint.pk, since - DAY, min(since, until - DAY))
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(counted_until=until)


def _write(endpoint_id: str, since: datetime, until: datetime) -> None:
    """The rows of these hours, those without an attempt left out."""
    rows = [
        EndpointHour(
            endpoint_id=endpoint_id,
            hour=hour,
            attempts=answers.attempts,
            arrived=answers.arrived,
            durations=dict(answers.durations),
        )
        for hour, answers in _count(endpoint_id, since, until).items()
    ]
    EndpointHour.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["endpoint", "hour"],
        update_fields=["attempts", "arrived", "durations"],
    )


def _count(endpoint_id: str, since: datetime, until: datetime) -> Mapping[datetime, Answers]:
    """From the attempts themselves, found by their endpoint and time."""
    made = (
        Attempt.objects.filter(
            Q(delivery__claim__isnull=False),
            endpoint=endpoint_id,
            started_at__gte=since,
            started_at__lt=until,
        )
        .exclude(error_class__in=[ErrorClass.CRASHED, ErrorClass.SIGNING])
        .exclude(trigger=Trigger.REHEARSAL)
        .order_by()
        .annotate(in_hour=TruncHour("started_at", tzinfo=UTC), ms=_ROUNDED)
    )
    rows = made.values_list("in_hour", "ms").annotate(Count("pk"), arrived=Count("pk", filter=ARRIVED))
    found: dict[datetime, Answers] = defaultdict(Answers)
    for hour, ms, attempts, arrived in rows:
        durations = Counter({ms: attempts}) if ms is not None else Counter[int]()
        found[hour.astimezone(UTC)].add(Answers(attempts, arrived, durations))
    return found
