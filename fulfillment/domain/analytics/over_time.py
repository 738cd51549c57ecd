"""What a campaign brought in each of some periods: hours, or days of anybody's time zone.

Read from hourly rows, so it costs the same for any number of viewers. An hour belongs to the period in which it begins:
exact wherever clocks differ from UTC by whole hours. Test mode is in none of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from config.rounding import minutes_that_add_up
from drops.models import Campaign, Livestream, RewardHour, WatchHour
from fulfillment.models import ClaimHour

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(slots=True)
class Period:
    """`start` to `end`, in UTC.

    `viewers`: different ones; of a day, those of its best hour. None where that was not counted yet. `new_viewers`: for
    the first time for this campaign. `at_a_time`: viewers who counted at the same time, on average over the part of the
    period that has passed; None before it.
    """

    start: datetime
    end: datetime
    seconds: int = 0
    minutes: int = 0
    viewers: int | None = 0
    new_viewers: int = 0
    at_a_time: float | None = None
    qualified: int = 0
    claims: int = 0


def hours_of(day: datetime) -> list[tuple[datetime, datetime]]:
    """The hours of the day that begins at `day`, a midnight of its time zone: 23 to 25 of them."""
    hour, end = day.astimezone(UTC), _midnight_after(day).astimezone(UTC)
    # Where clocks differ by half an hour: the hours that begin in the day.
    hour += (-(hour - datetime.min.replace(tzinfo=UTC))) % HOUR
    hours = []
    while hour < end:
        hours.append((hour, hour + HOUR))
        hour += HOUR
    return hours


def days_of(since: datetime, until: datetime, zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """The days of `zone` from that of `since` to that of `until`."""
    day = midnight_of(since, zone)
    days = []
    while day <= until:
        following = _midnight_after(day)
        days.append((day.astimezone(UTC), following.astimezone(UTC)))
        day = following
    return days


def midnight_of(moment: datetime, zone: tzinfo) -> datetime:
    """When the day of `zone` began that `moment` is in."""
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _midnight_after(day: datetime) -> datetime:
    """Of the next day: clocks may be put forward or back between them."""
    return (day.replace(tzinfo=None) + DAY).replace(tzinfo=day.tzinfo)


def figures(
    *asked: tuple[Campaign, Sequence[tuple[datetime, datetime]]], now: datetime
) -> list[list[Period]]:
    """Those of each campaign in its periods, which follow one another. Three queries."""
    found = [[Period(start, end) for start, end in periods] for _, periods in asked]
    starts = [[start for start, _ in periods] for _, periods in asked]
    numbers = {campaign.pk: number for number, (campaign, _) in enumerate(asked)}
    wanted = Q(pk__in=[])
    for campaign, periods in asked:
        if periods:
            wanted |= Q(campaign=campaign, hour__gte=periods[0][0], hour__lt=periods[-1][1])

    def period_of(campaign_id: str, hour: datetime) -> Period:
        number = numbers[campaign_id]
        return found[number][bisect_right(starts[number], hour) - 1]

    def hours(model: type[ClaimHour | RewardHour | WatchHour]) -> QuerySet[Any]:
        return model._default_manager.filter(wanted, test=False).order_by().values_list("campaign", "hour")

    for campaign_id, hour, seconds, new, viewers, rows, known in hours(WatchHour).annotate(
        Sum("seconds"), Sum("new_viewers"), Sum("new_to_hour"), Count("pk"), Count("new_to_hour")
    ):
        period = period_of(campaign_id, hour)
        period.seconds += seconds
        period.new_viewers += new
        if rows > known or period.viewers is None:
            period.viewers = None
        else:
            period.viewers = max(period.viewers, viewers)
    for campaign_id, hour, qualified in hours(RewardHour).annotate(Sum("qualified")):
        period_of(campaign_id, hour).qualified += qualified
    for campaign_id, hour, claims in hours(ClaimHour).annotate(Sum("claims")):
        period_of(campaign_id, hour).claims += claims
    for each in found:
        minutes = minutes_that_add_up(period.seconds for period in each)
        for period, whole in zip(each, minutes, strict=True):
            period.minutes = whole
            passed = (min(period.end, now) - period.start).total_seconds()
            period.at_a_time = period.seconds / passed if passed > 0 else None
    return found


def campaign_before(campaign: Campaign) -> Campaign | None:
    """The organization's latest public campaign that started before this one."""
    earlier = Campaign.objects.filter(
        organization=campaign.organization_id,
        published_at__isnull=False,
        test_mode=False,
        starts_at__lt=campaign.starts_at,
    )
    return earlier.exclude(pk=campaign.pk).order_by("-starts_at", "-pk").first()


def streams_started(
    campaign: Campaign, *, since: datetime, until: datetime, channels: int
) -> list[Livestream]:
    """The streams that started in the time, on the `channels` with the most watch time in it. Two queries."""
    most = (
        WatchHour.objects.filter(campaign=campaign, test=False, hour__gte=since, hour__lt=until)
        .order_by()
        .values_list("channel")
        .annotate(total=Sum("seconds"))
        .order_by("-total", "channel")[:channels]
    )
    streams = Livestream.objects.filter(
        channel__in=[channel_id for channel_id, _ in most], started_at__gte=since, started_at__lt=until
    )
    return list(streams.select_related("channel").order_by("started_at", "pk"))
