"""What viewers watched that did not count for a campaign, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import dateformat, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy

from config import charts, zones
from config.charts import Axis, Chart, Series
from config.csv_lines import csv_lines
from config.rounding import minutes_that_add_up, whole_minutes
from drops.models import Campaign, Reason
from fulfillment.dashboard.numbers.tabs import campaign_of, numbers_page, show
from fulfillment.domain.analytics import uncounted
from fulfillment.domain.analytics.over_time import days_of
from fulfillment.domain.analytics.tables import Cell, Table, moment

A_PAGE = 50
MOST_DAYS = 62
# As a studio reads them, with what to do, and the tone of each in the chart.
WORDS: Mapping[Reason, tuple[str | Promise, str | Promise, str]] = {
    Reason.WRONG_CATEGORY: (
        gettext_lazy("Wrong category"),
        gettext_lazy("A listed channel streamed something else. Tell its streamer which category counts."),
        "bad",
    ),
    Reason.STREAM_OFFLINE: (
        gettext_lazy("Channel offline"),
        gettext_lazy("Viewers waited on a listed channel that was not live."),
        "muted",
    ),
    Reason.STREAMER_OPTED_OUT: (
        gettext_lazy("Streamer opted out"),
        gettext_lazy("The streamer takes no part in global campaigns. An allow-list needs their consent."),
        "wait",
    ),
    Reason.OTHER_STREAM_ACTIVE: (
        gettext_lazy("Another stream"),
        gettext_lazy("The viewer was earning on another channel at the same time."),
        "info",
    ),
    Reason.STALE_LIVESTREAM: (
        gettext_lazy("Stream was over"),
        gettext_lazy("The player still showed a stream that had ended."),
        "live",
    ),
    Reason.NETWORK_LIMIT: (
        gettext_lazy("Too many of one network"),
        gettext_lazy(
            "As many viewers of the viewer's network as may count had counted on the channel that day."
        ),
        "good",
    ),
}


@numbers_page("campaign_uncounted", "uncounted/")
def campaign_uncounted(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign, now = campaign_of(request, object_id), timezone.now()
    reasons = uncounted.by_reason(campaign)
    page = Paginator(uncounted.by_channel(campaign), A_PAGE).get_page(request.GET.get("page"))
    rows = [
        (
            lost.channel,
            lost.minutes,
            [(WORDS[reason][0], whole_minutes(each)) for reason, each in lost.reasons],
        )
        for lost in uncounted.with_channels(list(page.object_list))
    ]
    context = {
        "reasons": [
            (*WORDS[reason][:2], whole_minutes(seconds), seconds / sum(reasons.values()))
            for reason, seconds in reasons.items()
        ],
        "chart": _chart(campaign, list(reasons), now) if reasons else None,
        "rows": rows,
        "page_obj": page,
        "minutes": whole_minutes(sum(reasons.values())),
    }
    return show(request, campaign, "campaign_uncounted", "uncounted.html", context)


def _chart(campaign: Campaign, reasons: Sequence[Reason], now: datetime) -> Chart:
    zone = zones.current()
    ends = min(now, campaign.ends_at, campaign.withdrawn_at or campaign.ends_at)
    days = days_of(campaign.starts_at, ends, zone)[-MOST_DAYS:]
    hours = uncounted.by_hour(campaign, since=days[0][0], until=days[-1][1])
    local = [start.astimezone(zone) for start, _end in days]
    series = []
    for reason in reasons:
        seconds = [
            sum(each.get(reason, 0) for hour, each in hours.items() if start <= hour < end)
            for start, end in days
        ]
        name, _advice, tone = WORDS[reason]
        series.append(Series(name, tone, minutes_that_add_up(seconds)))
    return charts.bars(
        title=_("Uncounted minutes by day"),
        axis=Axis(
            head=_("Day (%(zone)s)") % {"zone": zones.name_of(zone)},
            labels=[dateformat.format(day, "D j M") for day in local],
            short=[dateformat.format(day, "j M") for day in local],
        ),
        series=series,
    )


@numbers_page("campaign_uncounted_by_hour_csv", "uncounted_by_hour.csv")
def campaign_uncounted_by_hour_csv(request: HttpRequest, object_id: str) -> StreamingHttpResponse:
    """By hour, channel and reason."""
    campaign = campaign_of(request, object_id)
    columns = ("hour", "channel_id", "channel", "reason", "seconds")
    rows: list[tuple[Cell, ...]] = [
        (moment(hour), channel_id, slug, reason, seconds)
        for hour, channel_id, slug, reason, seconds in uncounted.rows_of(campaign)
    ]
    return StreamingHttpResponse(
        csv_lines(Table(columns, rows).with_head()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="uncounted_by_hour.csv"'},
    )
