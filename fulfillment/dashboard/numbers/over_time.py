"""What a campaign brought day by day, or hour by hour of one day, beside the campaign or the day before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import dateformat, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy

from config import charts, zones
from config.charts import Axis, Chart, Series, Value
from config.csv_lines import csv_lines
from drops.models import SMALLEST_GROUP, Campaign
from fulfillment.dashboard.numbers.tabs import campaign_of, numbers_page, show
from fulfillment.domain.analytics.groups import shown
from fulfillment.domain.analytics.over_time import (
    Period,
    campaign_before,
    days_of,
    figures,
    hours_of,
    midnight_of,
    streams_started,
)
from fulfillment.domain.analytics.tables import Cell, Table, moment

MOST_DAYS = 62
# A campaign that is younger is shown by the hour, unless somebody asks otherwise.
YOUNG = timedelta(days=2)
STREAMS_OF = 4  # channels: as many lines as a chart can take
DAY = timedelta(days=1)
Marks = list[tuple[int, str]]


class Figure(NamedTuple):
    """A chart of the page. `of` takes the value out of a period."""

    name: str
    title: str | Promise
    of: Callable[[Period], Value]
    words: Callable[[float], str] = "{:,.0f}".format


def at_a_time(value: float) -> str:
    """With one decimal where it says something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


FIGURES = (
    Figure("minutes", gettext_lazy("Watched minutes"), lambda period: period.minutes),
    Figure(
        "at-a-time",
        gettext_lazy("Viewers at the same time, on average"),
        lambda period: period.at_a_time,
        at_a_time,
    ),
    Figure("viewers", gettext_lazy("Different viewers"), lambda period: _told(period.viewers)),
    Figure("new", gettext_lazy("New viewers"), lambda period: shown(period.new_viewers)),
    Figure("qualified", gettext_lazy("Rewards reached"), lambda period: shown(period.qualified)),
    Figure("claims", gettext_lazy("Claims"), lambda period: shown(period.claims)),
)


def _told(viewers: int | None) -> int | None:
    return None if viewers is None else shown(viewers)


@numbers_page("campaign_over_time", "time/")
def campaign_over_time(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign, now = campaign_of(request, object_id), timezone.now()
    last = min(now, campaign.closes_at)
    context: dict[str, object] = {"has_begun": campaign.starts_at <= now}
    if campaign.starts_at <= now:
        by_hour = _wants_hours(request, campaign, last)
        context |= {
            "by_hour": by_hour,
            "zone": zones.name_of(zones.current()),
            "smallest_group": SMALLEST_GROUP,
        }
        context |= _hours(request, campaign, last, now) if by_hour else _days(campaign, last, now)
    return show(request, campaign, "campaign_over_time", "over_time.html", context)


@numbers_page("campaign_over_time_csv", "days_in_your_zone.csv")
def campaign_over_time_csv(request: HttpRequest, object_id: str) -> StreamingHttpResponse:
    """Every day of the campaign in the reader's time zone."""
    campaign, now = campaign_of(request, object_id), timezone.now()
    days = days_of(campaign.starts_at, min(now, campaign.closes_at), zones.current())
    (periods,) = figures((campaign, days), now=now)
    columns = (
        "from",
        "until",
        "minutes",
        "viewers_at_a_time",
        "viewers_of_best_hour",
        "new_viewers",
        "reached",
        "claims",
    )
    rows: list[tuple[Cell, ...]] = [
        (
            moment(period.start),
            moment(period.end),
            period.minutes,
            None if period.at_a_time is None else f"{period.at_a_time:.2f}",
            _told(period.viewers),
            shown(period.new_viewers),
            shown(period.qualified),
            shown(period.claims),
        )
        for period in periods
    ]
    return StreamingHttpResponse(
        csv_lines(Table(columns, rows).with_head()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="days_in_your_zone.csv"'},
    )


def _wants_hours(request: HttpRequest, campaign: Campaign, last: datetime) -> bool:
    if "day" in request.GET or request.GET.get("by") == "hour":
        return True
    return request.GET.get("by") != "day" and last - campaign.starts_at < YOUNG


def _days(campaign: Campaign, last: datetime, now: datetime) -> dict[str, object]:
    zone = zones.current()
    days = days_of(campaign.starts_at, last, zone)
    left_out = max(len(days) - MOST_DAYS, 0)
    before = campaign_before(campaign)
    asked = [(campaign, days)]
    if before is not None:
        of_before = days_of(before.starts_at, min(now, before.closes_at), zone)[: len(days)]
        asked.append((before, of_before))
    periods, *others = (each[left_out:] for each in figures(*asked, now=now))
    local = [period.start.astimezone(zone) for period in periods]
    axis = Axis(
        head=_("Day (%(zone)s)") % {"zone": zones.name_of(zone)},
        labels=[dateformat.format(day, "D j M") for day in local],
        short=[dateformat.format(day, "j M") for day in local],
    )
    return {
        "before": before,
        "left_out": left_out,
        "charts": _charts(
            axis, periods, _("this campaign"), others, str(before or ""), _phases(campaign, periods)
        ),
    }


def _hours(request: HttpRequest, campaign: Campaign, last: datetime, now: datetime) -> dict[str, object]:
    zone = zones.current()
    first_day, last_day = midnight_of(campaign.starts_at, zone), midnight_of(last, zone)
    day = min(max(_day_asked(request, last_day), first_day), last_day)
    day_before = midnight_of(day - timedelta(hours=12), zone)
    today, yesterday = hours_of(day), hours_of(day_before)
    # One stretch of time, so that both cost one set of queries.
    (both,) = figures((campaign, [*yesterday, *today]), now=now)
    periods, other = both[len(yesterday) :], both[: len(yesterday)]
    form = "H:i" if len(today) == 24 else "H:i T"
    labels = [dateformat.format(start.astimezone(zone), form) for start, _end in today]
    marks = _phases(campaign, periods)
    for stream in streams_started(campaign, since=today[0][0], until=today[-1][1], channels=STREAMS_OF):
        marks += _mark(periods, stream.started_at, stream.channel.slug)
    axis = Axis(head=_("Hour (%(zone)s)") % {"zone": zones.name_of(zone)}, labels=labels)
    return {
        "day": dateformat.format(day, "l, j F Y"),
        "earlier": day.date() - DAY if day > first_day else None,
        "later": day.date() + DAY if day < last_day else None,
        "charts": _charts(
            axis,
            periods,
            dateformat.format(day, "j M"),
            [other] if day > first_day else [],
            dateformat.format(day_before, "j M"),
            marks,
            until=now,
        ),
    }


def _day_asked(request: HttpRequest, otherwise: datetime) -> datetime:
    try:
        asked = date.fromisoformat(request.GET.get("day", ""))
        return datetime(asked.year, asked.month, asked.day, tzinfo=otherwise.tzinfo)
    except ValueError:
        return otherwise


def _phases(campaign: Campaign, periods: Sequence[Period]) -> Marks:
    ends = min(campaign.ends_at, campaign.withdrawn_at or campaign.ends_at)
    return [
        mark
        for at, words in (
            (campaign.starts_at, _("starts")),
            (ends, _("ends")),
            (campaign.closes_at, _("claims close")),
        )
        for mark in _mark(periods, at, words)
    ]


def _mark(periods: Sequence[Period], at: datetime, words: str) -> Marks:
    return [(number, words) for number, period in enumerate(periods) if period.start <= at < period.end]


def _charts(
    axis: Axis,
    periods: Sequence[Period],
    name: str,
    others: Sequence[Sequence[Period]],
    name_of_other: str,
    marks: Marks,
    until: datetime | None = None,
) -> list[tuple[str, Chart]]:
    """`others`: none, or the periods that are the shadow. What is after `until` has no value."""

    def values(figure: Figure, those: Sequence[Period]) -> list[Value]:
        found = [None if until and period.start > until else figure.of(period) for period in those]
        return [*found, *[None] * len(axis.labels)][: len(axis.labels)]

    return [
        (
            figure.name,
            charts.lines(
                title=figure.title,
                axis=axis,
                series=[
                    *(Series(name_of_other, "info", values(figure, each), dashed=True) for each in others),
                    Series(name, "good", values(figure, periods)),
                ],
                words=figure.words,
                marks=marks,
            ),
        )
        for figure in FIGURES
    ]
