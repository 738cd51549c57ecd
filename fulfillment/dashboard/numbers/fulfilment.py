"""How claims got to the game: how long they took to arrive, and until the studio acknowledged them."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import dateformat, timezone
from django.utils.translation import gettext as _, gettext_lazy

from config import charts, zones
from config.charts import Axis, Chart, Series
from config.csv_lines import csv_lines
from fulfillment.dashboard.numbers.tabs import campaign_of, numbers_page, show
from fulfillment.domain.analytics.fulfilment import (
    BUCKETS,
    LONGER,
    Fulfilment,
    fulfilment,
    fulfilment_by_hour,
    latest_hour,
)
from fulfillment.domain.analytics.tables import fulfilment_table
from fulfillment.domain.delivery.hours import HOUR, start_of_hour
from fulfillment.templatetags.numbers import duration

PERIODS = ((24, gettext_lazy("24 hours")), (7 * 24, gettext_lazy("7 days")))
AGAIN_AFTER = 20  # seconds


@numbers_page("campaign_fulfilment", "fulfilment/")
def campaign_fulfilment(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign = campaign_of(request, object_id)
    now = timezone.now()
    hours = next((hours for hours, _label in PERIODS if request.GET.get("hours") == str(hours)), 24)
    last = start_of_hour(now)
    if now >= campaign.closes_at:  # hours after the last claim would show nothing
        last = latest_hour(campaign) or last
    first = last - (hours - 1) * HOUR
    report = fulfilment(campaign=campaign, since=first)
    shown = [first + number * HOUR for number in range(hours)]
    context = {
        "now": now,
        "report": report,
        "hours": hours,
        "periods": PERIODS,
        "longest_ms": BUCKETS[-1],
        "charts": _charts(shown, [report.by_hour.get(hour, Fulfilment()) for hour in shown])
        if report.by_hour
        else (),
        "fetch_again_after": AGAIN_AFTER if campaign.starts_at <= now < campaign.closes_at else None,
    }
    return show(
        request, campaign, "campaign_fulfilment", "fulfilment.html", context, part="fulfilment_now.html"
    )


@numbers_page("campaign_fulfilment_csv", "fulfilment.csv")
def campaign_fulfilment_csv(request: HttpRequest, object_id: str) -> StreamingHttpResponse:
    campaign = campaign_of(request, object_id)
    return StreamingHttpResponse(
        csv_lines(fulfilment_table(fulfilment_by_hour(campaign=campaign)).with_head()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="fulfilment.csv"'},
    )


def _charts(hours: list[datetime], each: list[Fulfilment]) -> tuple[Chart, ...]:
    zone = zones.current()
    local = [hour.astimezone(zone) for hour in hours]
    axis = Axis(
        head=_("Hour (%(zone)s)") % {"zone": zones.abbreviation(local[-1])},
        labels=[dateformat.format(hour, "j M, H:i") for hour in local],
        short=[dateformat.format(hour, "H:i" if len(hours) <= 24 else "j M") for hour in local],
    )
    counts = charts.bars(
        title=_("Deliveries that arrived"),
        axis=axis,
        series=[
            Series(_("arrived at once"), "good", [hour.arrived.at_once for hour in each]),
            Series(_("arrived after retries"), "wait", [_late(hour) for hour in each]),
        ],
    )
    half, most = _("half within"), _("19 of 20 within")
    arrival = charts.lines(
        title=_("From the first attempt to arrival"),
        axis=axis,
        series=[
            Series(half, "info", [_seconds(hour.arrived.p50_ms) for hour in each]),
            Series(most, "wait", [_seconds(hour.arrived.p95_ms) for hour in each], dashed=True),
        ],
        words=_duration,
    )
    acknowledgement = charts.lines(
        title=_("From arrival to the studio's first status"),
        axis=axis,
        series=[
            Series(half, "info", [_seconds(hour.acknowledged.p50_ms) for hour in each]),
            Series(most, "wait", [_seconds(hour.acknowledged.p95_ms) for hour in each], dashed=True),
        ],
        words=_duration,
    )
    return counts, arrival, acknowledgement


def _late(hour: Fulfilment) -> int:
    return hour.arrived.claims - hour.arrived.at_once


def _seconds(within_ms: int | None) -> float | None:
    """What took longer than the longest bucket is drawn at its end."""
    return BUCKETS[-1] if within_ms == LONGER else within_ms


def _duration(value: float) -> str:
    return duration(round(value))
