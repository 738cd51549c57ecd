"""How a campaign stands at a moment.

Everything is read from hourly rows or found by an index, however many viewers and claims there are. What has to be
counted one by one is counted up to `MOST`: then there are more. Test mode and rehearsals are in no figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import Case, Count, Q, Sum, Value, When

from config.rounding import whole_minutes
from config.ulid import first_ulid
from drops.domain.campaigns.participation import livestreams_for
from drops.models import Campaign, CampaignPhase, RewardHour, WatchHour
from fulfillment.domain.delivery.hours import HOUR, start_of_hour
from fulfillment.domain.delivery.status import (
    DELIVERY_RULES,
    DeliveryStatus,
    endpoint_status,
)
from fulfillment.models import (
    Attempt,
    Claim,
    ClaimHour,
    Delivery,
    DeliveryState,
    ErrorClass,
    FulfilmentHour,
    FulfilmentStep,
    LastAnswer,
    Trigger,
    WebhookEndpoint,
)

MOST = 10_000
TOP_CHANNELS = 5
LAST_ANSWERS = 12
# The answers that an endpoint's time is taken from: of so long, the last so many.
ANSWERS_OF = timedelta(minutes=5)
MOST_ANSWERS = 500
MINUTE = timedelta(minutes=1)
# A claim is made a moment after its ID is drawn.
CLOSE = timedelta(seconds=10)
# Hours from so long ago on are read each time; those before are read anew after so many seconds.
FRESH = 2 * HOUR
KEPT = 600


class EndpointFigures(NamedTuple):
    """`status`: an EndpointStatus. `last`: what came back of its last attempts, LastAnswers, the newest last.
    `p95_ms`: None without an answer in the last minutes."""

    id: str
    status: str
    attempts: int
    arrived: int
    p95_ms: int | None
    last: Sequence[str]


class ChannelFigures(NamedTuple):
    slug: str
    watching: int


@dataclass(frozen=True, slots=True)
class Figures:
    """As they stood `at`. `watching`: viewers of the `streams` that count, which the clock counts once a minute.

    `claimed`: claims of the last sixty seconds. `delivered`, `on_its_way` and `needs_you` are deliveries; `many`: there
    are more of the last two, and one may have waited longer than `oldest_seconds`, which is None where none waits.
    """

    at: datetime
    watching: int
    streams: int
    seconds: int
    viewers: int
    reached: int
    claims: int
    claimed: int
    delivered: int
    on_its_way: int
    needs_you: int
    many: bool
    oldest_seconds: int | None
    endpoints: Sequence[EndpointFigures]
    channels: Sequence[ChannelFigures]

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)


class _Totals(NamedTuple):
    seconds: int
    viewers: int
    reached: int


def figures(campaign: Campaign, *, now: datetime) -> Figures:
    """Fourteen queries at most, whatever there is."""
    totals = _totals(campaign, now)
    watching, streams, channels = _streams(campaign, now)
    endpoints = list(campaign.organization.webhook_endpoints.filter(deleted_at=None).order_by("pk"))
    on_its_way, needs_you, many, oldest = _deliveries(campaign, endpoints)
    waits = None if oldest is None else max(0, int((now - oldest).total_seconds()))
    return Figures(
        at=now,
        watching=watching,
        streams=streams,
        seconds=totals.seconds,
        viewers=totals.viewers,
        reached=totals.reached,
        claims=ClaimHour.objects.filter(campaign=campaign, test=False).aggregate(
            claims=Sum("claims", default=0)
        )["claims"],
        claimed=_claimed(campaign, now),
        delivered=FulfilmentHour.objects.filter(campaign=campaign, step=FulfilmentStep.ARRIVED).aggregate(
            claims=Sum("claims", default=0)
        )["claims"],
        on_its_way=on_its_way,
        needs_you=needs_you,
        many=many,
        oldest_seconds=waits,
        endpoints=_endpoints(endpoints, now),
        channels=channels,
    )


def _totals(campaign: Campaign, now: datetime) -> _Totals:
    """A month on thousands of channels is millions of hourly rows: those of before are not added up each time."""
    since = start_of_hour(now) - FRESH
    key = f"war-room-totals:{campaign.pk}:{since:%Y%m%d%H}"
    before: _Totals | None = cache.get(key)
    if before is None:
        before = _sums(campaign, Q(hour__lt=since))
        cache.set(key, before, KEPT)
    lately = _sums(campaign, Q(hour__gte=since))
    return _Totals(*(sum(each) for each in zip(before, lately, strict=True)))


def _sums(campaign: Campaign, of_hours: Q) -> _Totals:
    watched = WatchHour.objects.filter(of_hours, campaign=campaign, test=False).aggregate(
        seconds=Sum("seconds", default=0), viewers=Sum("new_viewers", default=0)
    )
    reached = RewardHour.objects.filter(of_hours, campaign=campaign, test=False).aggregate(
        reached=Sum("qualified", default=0)
    )
    return _Totals(**watched, **reached)


def _streams(campaign: Campaign, now: datetime) -> tuple[int, int, Sequence[ChannelFigures]]:
    if campaign.phase(now) is not CampaignPhase.LIVE or campaign.test_mode:
        return 0, 0, ()
    streams = livestreams_for(campaign)
    sums = streams.order_by().aggregate(streams=Count("pk"), watching=Sum("viewer_count", default=0))
    top = streams.values_list("channel__slug", "viewer_count")[:TOP_CHANNELS]
    return sums["watching"], sums["streams"], tuple(ChannelFigures(*each) for each in top)


def _claimed(campaign: Campaign, now: datetime) -> int:
    """IDs tell when they were drawn, and lead to the last ones."""
    since = now - MINUTE
    lately = Claim.objects.filter(
        campaign=campaign, test=False, pk__gte=first_ulid(since - CLOSE), created_at__gt=since
    )
    return lately.count()


_RULES = {
    "on_its_way": DELIVERY_RULES[DeliveryStatus.WAITING],
    "needs_you": DELIVERY_RULES[DeliveryStatus.HELD] | DELIVERY_RULES[DeliveryStatus.FAILED],
}


def _deliveries(
    campaign: Campaign, endpoints: Sequence[WebhookEndpoint]
) -> tuple[int, int, bool, datetime | None]:
    """On their way, those that need somebody, whether there are more, and since when the oldest waits.

    The indexes have what is not delivered alone; of that the first `MOST` at the endpoints of the organization are
    looked at.
    """
    own = Delivery.objects.filter(endpoint__in=[endpoint.pk for endpoint in endpoints]).order_by()
    ours = Q(claim__campaign=campaign, claim__test=False)
    on_its_way, needs_you, many, oldest = 0, 0, False, None
    for state in (DeliveryState.PENDING, DeliveryState.FAILED):
        # The rows themselves: asked for sums, PostgreSQL would read all claims to join them with these few.
        rows = list(
            own.filter(state=state)
            .annotate(**{name: _whether(ours & rule) for name, rule in _RULES.items()})
            .values_list(*_RULES, "created_at")[:MOST]
        )
        many = many or len(rows) == MOST
        on_its_way += sum(on for on, _needs, _at in rows)
        needs_you += sum(needs for _on, needs, _at in rows)
        if state == DeliveryState.PENDING:
            oldest = min((at for on, needs, at in rows if on or needs), default=None)
    return on_its_way, needs_you, many, oldest


def _whether(rule: Q) -> Case:
    return Case(When(rule, then=Value(1)), default=Value(0))


def _endpoints(endpoints: Sequence[WebhookEndpoint], now: datetime) -> Sequence[EndpointFigures]:
    return tuple(
        EndpointFigures(endpoint.pk, endpoint_status(endpoint, now).value, *_answers(endpoint, now))
        for endpoint in endpoints
    )


def _answers(endpoint: WebhookEndpoint, now: datetime) -> tuple[int, int, int | None, Sequence[str]]:
    """What it answered to claims lately: attempts, how many arrived, the time of 19 of 20, and the last answers."""
    lately = (
        Attempt.objects.filter(endpoint=endpoint, started_at__gt=now - ANSWERS_OF, started_at__lte=now)
        .exclude(trigger__in=[Trigger.TEST, Trigger.VERIFICATION, Trigger.REHEARSAL])
        .exclude(error_class__in=[ErrorClass.CRASHED, ErrorClass.SIGNING])
        .filter(delivery__claim__test=False)
        .order_by("-started_at")
        .values_list("status", "error_class", "duration_ms")[:MOST_ANSWERS]
    )
    attempts = list(lately)
    answers = [LastAnswer.of(status, error_class) for status, error_class, _ms in attempts]
    durations = sorted(ms for _status, _error, ms in attempts if ms is not None)
    p95 = durations[math.ceil(0.95 * len(durations)) - 1] if durations else None
    last = tuple(answer.value for answer in reversed(answers[:LAST_ANSWERS]))
    return len(attempts), answers.count(LastAnswer.OK), p95, last
