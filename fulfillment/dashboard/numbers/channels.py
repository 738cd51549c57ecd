"""What each channel brought to a campaign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.csv_lines import csv_lines
from config.rounding import whole_minutes
from drops.models import Campaign, Channel
from fulfillment.dashboard.numbers.tabs import campaign_of, numbers_page, show
from fulfillment.domain.analytics.channels import (
    SORTS,
    ChannelNumbers,
    channel_numbers,
    live_seconds,
    moves_of,
    never_live,
    with_channels,
)
from fulfillment.domain.analytics.groups import shown
from fulfillment.domain.analytics.tables import Cell, Table

A_PAGE = 50
MOST_MOVES = 10
MOST_NEVER_LIVE = 50
HEADS = {
    "seconds": _("Minutes"),
    "new_viewers": _("New viewers"),
    "best_hour": _("Viewers in the best hour"),
    "reached": _("Rewards reached"),
    "hours": _("Hours with viewers"),
}


class Row(NamedTuple):
    """`live_minutes`: how long the channel was live in the category. Groups of fewer than five are None."""

    channel: Channel
    minutes: int
    share: float
    new_viewers: int | None
    best_hour: int | None
    reached: int | None
    hours: int
    live_minutes: int
    minutes_per_live_hour: int | None


class MoveRow(NamedTuple):
    channel: Channel
    moves: int | None


def _rows(campaign: Campaign, numbers: list[ChannelNumbers], live: dict[int, int]) -> Iterator[Row]:
    for row, channel in with_channels(numbers):
        seconds = live.get(row.channel_id, 0)
        yield Row(
            channel,
            row.minutes,
            row.share,
            shown(row.new_viewers),
            shown(row.best_hour),
            shown(row.reached),
            row.hours,
            whole_minutes(seconds),
            row.seconds * 60 // seconds if seconds else None,
        )


@numbers_page("campaign_channels_numbers", "channels/")
def campaign_channels_numbers(request: HttpRequest, object_id: str) -> HttpResponse:
    """`?sort=` one of SORTS; `?channel=` the slug of one, which is shown alone with its viewers' ways."""
    campaign, now = campaign_of(request, object_id), timezone.now()
    sort = request.GET.get("sort", "")
    sort = sort if sort in SORTS else SORTS[0]
    found = channel_numbers(campaign, sort=sort)
    chosen = _chosen(request.GET.get("channel", ""), found)
    if chosen is not None:
        found = [row for row in found if row.channel_id == chosen.pk]
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    numbers = list(page.object_list)
    live = live_seconds(campaign, [row.channel_id for row in numbers], now=now)
    context: dict[str, Any] = {
        "page_obj": page,
        "rows": list(_rows(campaign, numbers, live)),
        "heads": [(name, HEADS[name], name == sort) for name in SORTS],
        "chosen": chosen,
    }
    if chosen is not None:
        context |= _ways(campaign, chosen)
    else:
        absent = [entry.channel for entry in never_live(campaign, now=now)[: MOST_NEVER_LIVE + 1]]
        context["never_live"] = absent[:MOST_NEVER_LIVE]
        context["more_never_live"] = len(absent) > MOST_NEVER_LIVE
    return show(request, campaign, "campaign_channels_numbers", "channels.html", context)


def _chosen(slug: str, numbers: list[ChannelNumbers]) -> Channel | None:
    """A channel with watch time for the campaign; any other looks like one that does not exist."""
    channel = Channel.objects.filter(slug=slug).first() if slug else None
    return channel if channel and any(row.channel_id == channel.pk for row in numbers) else None


def _ways(campaign: Campaign, channel: Channel) -> dict[str, list[MoveRow]]:
    came, went = (
        [MoveRow(move.channel, shown(move.moves)) for move in moves]
        for moves in moves_of(campaign, channel, limit=MOST_MOVES)
    )
    return {"came": came, "went": went}


@numbers_page("campaign_channel_details_csv", "channel_details.csv")
def campaign_channel_details_csv(request: HttpRequest, object_id: str) -> StreamingHttpResponse:
    campaign, now = campaign_of(request, object_id), timezone.now()
    numbers = channel_numbers(campaign)
    live = live_seconds(campaign, [row.channel_id for row in numbers], now=now)
    columns = (
        "channel_id",
        "channel",
        "minutes",
        "share",
        "new_viewers",
        "viewers_of_best_hour",
        "reached",
        "hours_with_viewers",
        "live_minutes",
        "minutes_per_live_hour",
    )
    rows: list[tuple[Cell, ...]] = [
        (row.channel.pk, row.channel.slug, row.minutes, f"{row.share:.6f}", *row[3:])
        for row in _rows(campaign, numbers, live)
    ]
    rows += [
        (entry.channel_id, entry.channel.slug, 0, "0.000000", 0, 0, 0, 0, 0, None)
        for entry in never_live(campaign, now=now)
        if entry.channel_id not in {row.channel_id for row in numbers}
    ]
    return StreamingHttpResponse(
        csv_lines(Table(columns, rows).with_head()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="channel_details.csv"'},
    )
