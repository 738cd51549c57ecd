"""How claims get to the game: from the first attempt to arrival, and from there to the studio's first status.

Each time falls into one of a few fixed buckets, and a row of `FulfilmentHour` counts those of one campaign, endpoint
and hour. So the times within which half and 19 of 20 were over are ends of buckets: "within 500 ms" is true, and the
exact time is not known. Pages read these rows alone, whatever number of claims they stand for.

The clock counts: nothing is written when a claim arrives, so that deliveries of one campaign do not wait for one
another. What is `LAG` old is added every few seconds. An hour is counted anew once it is over, and again a day later,
for what was written late by a process that waited for the database. What was made before there were these rows is
counted by the first runs. Tests, test mode and rehearsals are left out.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import TruncHour

from drops.models import Campaign
from fulfillment.domain.delivery.hours import DAY, HOUR, SETTLED, start_of_hour
from fulfillment.models import (
    INITIATED,
    Attempt,
    ClaimStatusChange,
    CountedUntil,
    Delivery,
    FulfilmentHour,
    FulfilmentStep,
    WebhookEndpoint,
)

NAME = "fulfilment"
# An attempt takes ten seconds, and is then written down.
LAG = timedelta(seconds=15)
# How long a run goes on with what was made before it, and how much of that it counts at once.
TURN = 20.0
AT_ONCE = 10 * DAY

# The ends of the buckets, in milliseconds: up to 5 days, after which nothing is tried again by itself.
MS_OF_SECOND, MS_OF_HOUR = 1_000, 3_600_000
BUCKETS = (
    *(10, 25, 50, 100, 200, 300, 500, 750),
    *(seconds * MS_OF_SECOND for seconds in (1, 2, 3, 5, 10, 30, 60, 2 * 60, 5 * 60, 10 * 60, 30 * 60)),
    *(hours * MS_OF_HOUR for hours in (1, 2, 4, 8, 12, 24, 2 * 24, 3 * 24, 5 * 24, 10 * 24, 30 * 24)),
)
LONGER = 0

ARRIVED, ACKNOWLEDGED = FulfilmentStep.ARRIVED, FulfilmentStep.ACKNOWLEDGED


@dataclass(slots=True)
class Times:
    """How long steps took: how many were over `within` so many milliseconds, `LONGER` being longer than the rest."""

    claims: int = 0
    retries: int = 0
    at_once: int = 0
    within: Counter[int] = field(default_factory=Counter)

    def add(self, within_ms: int, claims: int, retries: int, at_once: int) -> None:
        self.claims += claims
        self.retries += retries
        self.at_once += at_once
        self.within[within_ms] += claims

    def percentile(self, share: float) -> int | None:
        """The end of the bucket within which this share of the steps was over; `LONGER` after the last one, None
        where there was no step."""
        place = min(self.claims - 1, int(share * self.claims))
        for bucket in (*BUCKETS, LONGER):
            place -= self.within[bucket]
            if place < 0 and self.claims:
                return bucket
        return None

    @property
    def p50_ms(self) -> int | None:
        return self.percentile(0.50)

    @property
    def p95_ms(self) -> int | None:
        return self.percentile(0.95)


@dataclass(slots=True)
class Fulfilment:
    arrived: Times = field(default_factory=Times)
    acknowledged: Times = field(default_factory=Times)

    def times(self, step: str) -> Times:
        return self.arrived if step == ARRIVED else self.acknowledged


class EndpointFulfilment(NamedTuple):
    """`endpoint` is None for what was acknowledged without having arrived anywhere."""

    endpoint: WebhookEndpoint | None
    fulfilment: Fulfilment


@dataclass(frozen=True, slots=True)
class Report:
    """Of one campaign. `as_of`: until when it is counted, None where nothing has been yet. `by_hour`: the hours in
    which something happened, in order."""

    as_of: datetime | None
    by_endpoint: list[EndpointFulfilment]
    by_hour: dict[datetime, Fulfilment]
    whole: Fulfilment


def counted_until() -> datetime | None:
    """One query."""
    return CountedUntil.objects.filter(name=NAME).values_list("until", flat=True).first()


def fulfilment(*, campaign: Campaign, since: datetime | None = None) -> Report:
    """What became of the claims of `campaign`: in all, and by the hours from `since` on. Four queries."""
    rows = FulfilmentHour.objects.filter(campaign=campaign)
    by_endpoint: dict[str | None, Fulfilment] = defaultdict(Fulfilment)
    whole = Fulfilment()
    for endpoint_id, step, *counted in _sums(rows, "endpoint"):
        by_endpoint[endpoint_id].times(step).add(*counted)
        whole.times(step).add(*counted)
    by_hour: dict[datetime, Fulfilment] = defaultdict(Fulfilment)
    if since is not None:
        for hour, step, *counted in _sums(rows.filter(hour__gte=since), "hour"):
            by_hour[hour].times(step).add(*counted)
    endpoints = WebhookEndpoint.objects.in_bulk([key for key in by_endpoint if key])
    found = [EndpointFulfilment(endpoints.get(key or ""), each) for key, each in by_endpoint.items()]
    found.sort(key=lambda each: (each.endpoint is None, -each.fulfilment.arrived.claims))
    return Report(counted_until(), found, dict(sorted(by_hour.items())), whole)


def arrived_by(rows: QuerySet[FulfilmentHour], key: Any) -> dict[Any, Times]:
    """How long arrival took, by `key`: a path from the row, or an expression. One query."""
    found: dict[Any, Times] = defaultdict(Times)
    for value, _step, *counted in _sums(rows.filter(step=ARRIVED), key):
        found[value].add(*counted)
    return found


def latest_hour(campaign: Campaign) -> datetime | None:
    """In which something happened. One query."""
    latest: datetime | None = FulfilmentHour.objects.filter(campaign=campaign).aggregate(Max("hour"))[
        "hour__max"
    ]
    return latest


class HourAt(NamedTuple):
    hour: datetime
    endpoint_id: str | None
    fulfilment: Fulfilment


def fulfilment_by_hour(*, campaign: Campaign) -> list[HourAt]:
    """Each hour at each endpoint, in order: the whole campaign. One query."""
    found: dict[tuple[datetime, str], Fulfilment] = defaultdict(Fulfilment)
    rows = FulfilmentHour.objects.filter(campaign=campaign)
    for hour, endpoint_id, step, *counted in _sums(rows, "hour", "endpoint"):
        found[hour, endpoint_id or ""].times(step).add(*counted)
    return [
        HourAt(hour, endpoint_id or None, found[hour, endpoint_id]) for hour, endpoint_id in sorted(found)
    ]


def _sums(rows: QuerySet[FulfilmentHour], *keys: Any) -> Iterable[Any]:
    """The keys, the step, the bucket, and what `Times.add` takes."""
    counted = (Sum("claims"), Sum("retries"), Sum("at_once"))
    return rows.order_by().values_list(*keys, "step", "within_ms").annotate(*counted)


# Counting


class Key(NamedTuple):
    campaign_id: str
    endpoint_id: str | None
    hour: datetime
    step: str
    within_ms: int


class Row(NamedTuple):
    claims: int
    retries: int
    at_once: int


def count_fulfilment(*, now: datetime, seconds: float = TURN) -> None:
    """Count what happened since the last run. Any number of runs at once: one counts, the others do nothing."""
    ends = time.monotonic() + seconds
    CountedUntil.objects.get_or_create(name=NAME, defaults=dict.fromkeys(("whole", "until"), _first(now)))
    while _count_some(now) and time.monotonic() < ends:
        pass


@transaction.atomic
def _count_some(now: datetime) -> bool:
    """Returns whether there may be more."""
    position = CountedUntil.objects.select_for_update(skip_locked=True).filter(name=NAME).first()
    if position is None:
        return False
    over = start_of_hour(now - SETTLED)
    if position.whole > now + HOUR:  # a clock was ahead
        position.whole = position.until = over
    more = position.whole < over
    if more:
        since, position.whole = position.whole, min(position.whole + AT_ONCE, over)
        _count_anew(since, position.whole)
        if position.whole == over:
            _count_anew(max(since, over - AT_ONCE) - DAY, over - DAY)
        position.until = max(position.until, position.whole)
    elif position.until < now - LAG:
        _add(_count(position.until, now - LAG), position.until)
        position.until = now - LAG
    position.save()
    return more


def _first(now: datetime) -> datetime:
    """The hour of the first endpoint: nothing was sent before. Without one studios may have fetched claims."""
    first = WebhookEndpoint.objects.aggregate(first=Min("created_at"))["first"]
    changed = ClaimStatusChange.objects.aggregate(first=Min("at"))["first"]
    return start_of_hour(min(filter(None, (first, changed, now))))


def _count_anew(since: datetime, until: datetime) -> None:
    """The rows of these hours are as if they had never been counted."""
    if since < until:
        FulfilmentHour.objects.filter(hour__gte=since, hour__lt=until).delete()
        _insert(_count(since, until))


def _add(found: Mapping[Key, Row], since: datetime) -> None:
    """To the rows that there are, of the hour of `since` and later."""
    if not found:
        return
    present = {
        Key(row.campaign_id, row.endpoint_id, row.hour, row.step, row.within_ms): row
        for row in FulfilmentHour.objects.filter(hour__gte=start_of_hour(since))
    }
    for key in found.keys() & present.keys():
        row, more = present[key], found[key]
        row.claims += more.claims
        row.retries += more.retries
        row.at_once += more.at_once
    changed = [present[key] for key in found.keys() & present.keys()]
    FulfilmentHour.objects.bulk_update(changed, Row._fields, batch_size=1_000)
    _insert({key: row for key, row in found.items() if key not in present})


def _insert(found: Mapping[Key, Row]) -> None:
    FulfilmentHour.objects.bulk_create(
        (FulfilmentHour(**key._asdict(), **row._asdict()) for key, row in found.items()), batch_size=1_000
    )


def _count(since: datetime, until: datetime) -> dict[Key, Row]:
    """From the attempts and the changes of status themselves."""
    arrived = _counted(_arrivals(since, until), "endpoint_id", "delivery__claim__campaign_id", "started_at")
    changes = _first_changes(since, until)
    campaign = "claim__campaign_id"
    acknowledged = _counted(_after_arrival(changes), "claim__deliveries__endpoint_id", campaign, "at")
    return {
        **{Key(*key, ARRIVED, within): row for key, within, row in arrived},
        **{Key(*key, ACKNOWLEDGED, within): row for key, within, row in acknowledged},
        **{
            Key(*key, ACKNOWLEDGED, within): row
            for key, within, row in _counted(_before_arrival(changes), None, campaign, "at")
        },
    }


def _arrivals(since: datetime, until: datetime) -> QuerySet[Attempt]:
    """The attempts by which claims arrived for the first time, found by their endpoints and time: the last that
    succeeded and began before that. One that began earlier came back after its lease had run out."""
    succeeded = Q(status__gte=200, status__lt=300)
    own = Attempt.objects.filter(delivery=OuterRef("delivery"))
    later = own.filter(
        succeeded, number__gt=OuterRef("number"), started_at__lte=OuterRef("delivery__delivered_at")
    )
    begun = Case(
        When(number=1, then=F("started_at")), default=Subquery(own.filter(number=1).values("started_at"))
    )
    return Attempt.objects.filter(
        succeeded,
        ~Exists(later),
        endpoint__in=list(WebhookEndpoint.objects.order_by().values_list("pk", flat=True)),
        started_at__gte=since,
        started_at__lt=until,
        delivery__delivered_at__gte=F("started_at"),
        delivery__claim__test=False,
    ).annotate(took=_between(begun, F("delivery__delivered_at")), retries=F("number") - 1)


def _first_changes(since: datetime, until: datetime) -> QuerySet[ClaimStatusChange]:
    earlier = ClaimStatusChange.objects.filter(claim=OuterRef("claim"), pk__lt=OuterRef("pk"))
    return ClaimStatusChange.objects.filter(
        ~Exists(earlier), at__gte=since, at__lt=until, old=INITIATED, claim__test=False
    )


def _after_arrival(changes: QuerySet[ClaimStatusChange]) -> QuerySet[ClaimStatusChange]:
    """A change for each endpoint at which the claim had arrived."""
    delivered = F("claim__deliveries__delivered_at")
    return changes.filter(claim__deliveries__delivered_at__lte=F("at")).annotate(
        took=_between(delivered, F("at")), retries=Value(0)
    )


def _before_arrival(changes: QuerySet[ClaimStatusChange]) -> QuerySet[ClaimStatusChange]:
    arrived = Delivery.objects.filter(claim=OuterRef("claim"), delivered_at__lte=OuterRef("at"))
    return changes.filter(~Exists(arrived)).annotate(
        took=_between(F("claim__created_at"), F("at")), retries=Value(0)
    )


def _between(start: Any, end: Any) -> ExpressionWrapper:
    return ExpressionWrapper(end - start, DurationField())


def _counted(
    steps: QuerySet[Any], endpoint: str | None, campaign: str, moment: str
) -> Iterable[tuple[tuple[str, str | None, datetime], int, Row]]:
    """Of steps with `took` and `retries`: campaign, endpoint and hour; the bucket; and the row."""
    bucket = Case(
        # Of an integer's own type 30 days would be a negative number on PostgreSQL.
        *(
            When(took__lte=timedelta(milliseconds=end), then=Value(end, output_field=BigIntegerField()))
            for end in BUCKETS
        ),
        default=Value(LONGER),
        output_field=BigIntegerField(),
    )
    keys = [campaign, *([endpoint] if endpoint else []), "in_hour", "bucket"]
    rows = (
        steps.order_by()
        .annotate(in_hour=TruncHour(moment, tzinfo=UTC), bucket=bucket)
        .values_list(*keys)
        .annotate(Count("pk"), Sum("retries"), at_once=Count("pk", filter=Q(retries=0)))
    )
    for campaign_id, *of_endpoint, hour, within, claims, retries, at_once in rows:
        endpoint_id = of_endpoint[0] if endpoint else None
        yield (
            (campaign_id, endpoint_id, hour.astimezone(UTC)),
            within,
            Row(claims, retries, at_once if endpoint and moment == "started_at" else 0),
        )
