"""The same figures elsewhere: as CSV files, by API, by mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.csv_lines import csv_lines
from fulfillment.dashboard.numbers.tabs import campaign_of, numbers_page, show
from fulfillment.domain.analytics.report import TABLES, whole

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# By the name of the file: what it holds.
FILES = {
    "days": _("Minutes, new viewers, rewards reached and claims by day (UTC)"),
    "rewards": _("How many reached and claimed each reward"),
    "funnel": _("How many viewers came how far with each reward"),
    "watched_for": _("How many viewers watched for 5 minutes, for 10 and so on"),
    "channels": _("Minutes and new viewers of each channel, and the minutes that did not count there"),
    "uncounted": _("Minutes that did not count, by reason"),
    "endpoints": _("How long claims took at each endpoint"),
    "statuses": _("What became of claims, in your own words"),
}
# The view, the name of the file, what it holds: files of rows that no page counts.
LONGER_FILES = (
    ("campaign_fulfilment_csv", "fulfilment.csv", _("How long claims took, by hour and endpoint")),
    (
        "campaign_over_time_csv",
        "days_in_your_zone.csv",
        _("What the page “Over time” draws, for all days, in your time zone"),
    ),
    (
        "campaign_channel_details_csv",
        "channel_details.csv",
        _("All that the page “Channels” says, and listed channels that were never live"),
    ),
    (
        "campaign_uncounted_by_hour_csv",
        "uncounted_by_hour.csv",
        _("Seconds that did not count, by hour, channel and reason"),
    ),
)


@numbers_page("campaign_files", "files/")
def campaign_files(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign = campaign_of(request, object_id)
    files: list[tuple[str, str, StrOrPromise]] = [
        (reverse(f"dashboard:campaign_{name}_csv", args=[campaign.pk]), f"{name}.csv", words)
        for name, words in FILES.items()
    ]
    files += [
        (reverse(f"dashboard:{view}", args=[campaign.pk]), name, words) for view, name, words in LONGER_FILES
    ]
    context = {
        "files": files,
        "report": whole(campaign=campaign, now=timezone.now()),
        "api_path": reverse("api_statistics", args=[campaign.pk]),
    }
    return show(request, campaign, "campaign_files", "files.html", context)


def _file(name: str) -> None:
    @numbers_page(f"campaign_{name}_csv", f"{name}.csv")
    def view(request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        table = TABLES[name](campaign_of(request, object_id))
        return StreamingHttpResponse(
            csv_lines(table.with_head()),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )


for each in FILES:
    _file(each)
