"""Campaigns side by side."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _

from config import charts
from config.charts import Axis, Chart, Series
from config.csv_lines import csv_lines
from drops.models import Campaign
from fulfillment.dashboard.numbers.tabs import campaign_of, numbers_page, show
from fulfillment.domain.analytics.comparison import (
    MOST,
    Compared,
    comparable,
    compared,
    comparison_table,
)

CHOSEN = "with"


@numbers_page("campaign_comparison", "compare/")
def campaign_comparison(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign = campaign_of(request, object_id)
    among = comparable(campaign.organization_id)
    chosen = _chosen(request, campaign, among)
    rows = compared(chosen, among=among)
    others = [other for other in among if other.pk != campaign.pk]
    context = {
        "rows": rows,
        "others": [(other, other in chosen) for other in others],
        "most": MOST,
        "charts": _charts(rows) if len(rows) > 1 else (),
        "query": request.GET.urlencode(),
    }
    return show(request, campaign, "campaign_comparison", "comparison.html", context)


@numbers_page("campaign_comparison_csv", "compare.csv")
def campaign_comparison_csv(request: HttpRequest, object_id: str) -> StreamingHttpResponse:
    campaign = campaign_of(request, object_id)
    among = comparable(campaign.organization_id)
    rows = compared(_chosen(request, campaign, among), among=among)
    return StreamingHttpResponse(
        csv_lines(comparison_table(rows).with_head()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="comparison.csv"'},
    )


def _chosen(request: HttpRequest, campaign: Campaign, among: list[Campaign]) -> list[Campaign]:
    """This campaign and those that were chosen: without a choice the one before. The latest first."""
    wanted = set(request.GET.getlist(CHOSEN))
    others = [other for other in among if other.pk != campaign.pk]
    chosen = [other for other in others if other.pk in wanted]
    if not chosen:
        chosen = [other for other in others if other.starts_at < campaign.starts_at][:1]
    return sorted([campaign, *chosen[: MOST - 1]], key=lambda each: each.starts_at, reverse=True)


def _charts(rows: list[Compared]) -> tuple[Chart, ...]:
    axis = Axis(_("Campaign"), [each.campaign.name for each in rows])
    return (
        charts.bars(
            title=_("Watched minutes"),
            axis=axis,
            series=[
                Series(_("counted"), "good", [each.minutes for each in rows]),
                Series(_("not counted"), "wait", [each.uncounted_minutes for each in rows]),
            ],
        ),
        charts.bars(
            title=_("Viewers"),
            axis=axis,
            series=[
                Series(_("came back"), "info", [each.came_back or 0 for each in rows]),
                Series(_("others"), "muted", [each.viewers - (each.came_back or 0) for each in rows]),
            ],
            summary=_("Who came back had watched the campaign before. Fewer than five are among the others."),
        ),
    )
