"""The war room of a campaign: live, replayed minute by minute, and by a link for people without an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.http import require_safe

from accounts.dashboard.kit import access
from accounts.dashboard.kit.access import may, member, recheck
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from accounts.models import parse_ulid
from config import charts, zones
from config.charts import Axis, Chart, Series
from drops.models import Campaign
from fulfillment.domain.delivery.status import EndpointStatus
from fulfillment.domain.war_room import links, log, minutes
from fulfillment.domain.war_room.figures import EndpointFigures, Figures, figures
from fulfillment.domain.war_room.log import Entry
from fulfillment.domain.war_room.troubles import troubles
from fulfillment.models import CampaignMinute, LastAnswer, WarRoomLink

# Seconds after which the page looks again: live, and from one minute of a replay to the next.
LIVE_EVERY, REPLAY_EVERY = 5, 1
# Minutes that the chart has.
CHARTED = 120
SHOWN_ENTRIES = 40
MINUTE = timedelta(minutes=1)
EPOCH = datetime.fromtimestamp(0, UTC)

CONDITIONS = {
    EndpointStatus.HELD: "bad",
    EndpointStatus.UNVERIFIED: "bad",
    EndpointStatus.PAUSED: "wait",
    EndpointStatus.FAILING: "wait",
    EndpointStatus.WORKING: "good",
    EndpointStatus.DELETED: "",
}


class Room(NamedTuple):
    """What the screen shows, before it is put into words. `figures`: None in a minute that nobody noted."""

    figures: Figures | None
    rows: Sequence[CampaignMinute]
    entries: Sequence[Entry]


class ShownEndpoint(NamedTuple):
    name: str
    condition: str
    tone: str
    figures: EndpointFigures
    last: Sequence[tuple[str, str | Promise]]


class ShownStep(NamedTuple):
    """A way to another minute. `at`: None where there is none."""

    label: str | Promise
    at: int | None


@site.page("campaigns/<path:object_id>/war-room/", name="campaign_war_room", action=Action.SEE_FIGURES)
def campaign_war_room(request: HttpRequest, object_id: str) -> HttpResponse:
    """`?at=` shows a minute that was noted, counted from 1970; `&play=1` goes on by itself."""
    campaign: Campaign = site.admin_of(Campaign).object_or_404(request, unquote(object_id))
    context = {
        **access.context(request),
        "own_url": reverse("dashboard:campaign_war_room", args=[quote(campaign.pk)]),
        "overview_url": reverse("dashboard:campaign_overview", args=[quote(campaign.pk)]),
        "share_url": reverse("dashboard:campaign_war_room_links", args=[quote(campaign.pk)])
        if may(request, Action.SHARE_FIGURES)
        else "",
        "zone_name": zones.name_of(zones.current()),
    }
    return _show(request, campaign, endpoint_names(request, campaign), context)


@require_safe
def shared_war_room(request: HttpRequest, token: str) -> HttpResponse:
    """The same for whoever has the link. It sets no cookie, is in no index and no cache, and tells its address to
    nobody."""
    now = timezone.now()
    campaign = links.campaign_by(token, now=now)
    if campaign is None:
        raise Http404(_("This link is not valid, or no longer."))
    context = {"own_url": reverse("fulfillment:shared_war_room", args=[token]), "zone_name": "UTC"}
    with zones.shown_in(UTC):
        response = _show(request, campaign, _numbered(campaign), context)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store"
    return response


def endpoint_names(request: HttpRequest, campaign: Campaign) -> Mapping[str, str]:
    """The endpoints by id, as far as the member may know them."""
    endpoints = campaign.organization.webhook_endpoints.order_by("pk")
    if may(request, Action.SEE_SETUP):
        return {endpoint.pk: str(endpoint) for endpoint in endpoints}
    if may(request, Action.SEE_CLAIMS):
        return {endpoint.pk: endpoint.server for endpoint in endpoints}
    return _numbered(campaign)


def _numbered(campaign: Campaign) -> Mapping[str, str]:
    """The endpoints for who may not know where they are: in the order in which they were added."""
    keys = campaign.organization.webhook_endpoints.order_by("pk").values_list("pk", flat=True)
    return {pk: _("Endpoint %(number)d") % {"number": number} for number, pk in enumerate(keys, 1)}


def _show(
    request: HttpRequest, campaign: Campaign, names: Mapping[str, str], context: dict[str, Any]
) -> HttpResponse:
    now = timezone.now()
    span = minutes.first_and_last(campaign)
    at = _wanted(request, span)
    room = _live(campaign, now) if at is None else _replayed(campaign, at)
    phase = campaign.phase(at or now)
    shown = room.figures
    context |= {
        "campaign": campaign,
        "title": _("War room of %(campaign)s") % {"campaign": campaign},
        "phase": phase,
        "at": at,
        "figures": shown,
        "troubles": troubles(shown, phase=phase, names=names) if shown else [],
        "endpoints": _endpoints(shown, names),
        "entries": [
            (
                f"{entry.at.astimezone(zones.current()):%H:%M:%S}",
                log.tone(entry),
                log.words(entry, names),
            )
            for entry in room.entries[:SHOWN_ENTRIES]
        ],
        "charts": _charts(room.rows, at),
        "late": at is None and phase.watchable and not campaign.test_mode and _is_late(room.rows, now),
        **_ways(request, campaign, span, at),
    }
    template = "war_room_now" if getattr(request, "htmx", None) else "war_room"
    return render(request, f"dashboard/{template}.html", context)


def _live(campaign: Campaign, now: datetime) -> Room:
    """However many look, it is read once in so many seconds."""
    key = f"war-room:{campaign.pk}:{int(now.timestamp()) // LIVE_EVERY}"
    room: Room | None = cache.get(key)
    if room is None:
        rows = _rows_before(campaign, now)
        room = Room(figures(campaign, now=now), rows, log.log(campaign, until=now, minutes=rows))
        cache.set(key, room, 2 * LIVE_EVERY)
    return room


def _replayed(campaign: Campaign, at: datetime) -> Room:
    rows = _rows_before(campaign, at)
    noted = rows[-1] if rows and rows[-1].minute == at else None
    entries = log.log(campaign, until=at + MINUTE, minutes=rows)
    return Room(minutes.figures_of(noted) if noted else None, rows, entries)


def _rows_before(campaign: Campaign, moment: datetime) -> Sequence[CampaignMinute]:
    last = minutes.start_of_minute(moment)
    return minutes.minutes_of(campaign, since=last - (CHARTED - 1) * MINUTE, until=last)


def _wanted(request: HttpRequest, span: tuple[datetime, datetime] | None) -> datetime | None:
    """The minute that the address asks for, as near as there are any; None: now."""
    asked = request.GET.get("at", "")
    if span is None or not (asked.isascii() and asked.isdecimal() and len(asked) < 10):
        return None
    first, last = span
    return min(max(EPOCH + int(asked) * MINUTE, first), last)


def _number(minute: datetime) -> int:
    return (minute - EPOCH) // MINUTE


def _ways(
    request: HttpRequest,
    campaign: Campaign,
    span: tuple[datetime, datetime] | None,
    at: datetime | None,
) -> dict[str, Any]:
    """Where the slider and the steps lead, and when the page looks again (`next_url`, after `next_in` seconds)."""
    own_url = request.path
    if at is None or span is None:
        now_and_then = LIVE_EVERY if campaign.phase(timezone.now()).claimable else None
        first = _number(span[0]) if span else None
        return {"next_url": own_url, "next_in": now_and_then, "replay_at": first}
    first, last = map(_number, span)
    here = _number(at)
    plays = request.GET.get("play") == "1" and here < last
    steps = [
        ShownStep(_("First"), first if here > first else None),
        ShownStep(_("-10 min"), here - 10 if here - 10 >= first else None),
        ShownStep(_("-1 min"), here - 1 if here > first else None),
        ShownStep(_("+1 min"), here + 1 if here < last else None),
        ShownStep(_("+10 min"), here + 10 if here + 10 <= last else None),
        ShownStep(_("Last"), last if here < last else None),
    ]
    return {
        "first": first,
        "last": last,
        "here": here,
        "plays": plays,
        "steps": steps,
        "next_url": f"{own_url}?at={here + 1}&play=1",
        "next_in": REPLAY_EVERY if plays else None,
    }


def _is_late(rows: Sequence[CampaignMinute], now: datetime) -> bool:
    """Rows are missing that the clock should have noted."""
    return not rows or now - rows[-1].minute > 3 * MINUTE


def _endpoints(shown: Figures | None, names: Mapping[str, str]) -> list[ShownEndpoint]:
    return [
        ShownEndpoint(
            names.get(each.id, _("An endpoint that was deleted")),
            log.condition(each.status),
            CONDITIONS[EndpointStatus(each.status)],
            each,
            [
                ("good" if answer == LastAnswer.OK else "bad", LastAnswer(answer).label)
                for answer in each.last
            ],
        )
        for each in (shown.endpoints if shown else ())
    ]


def _charts(rows: Sequence[CampaignMinute], until: datetime | None) -> list[Chart]:
    """Viewers and claims, minute by minute up to `until`, None being the last one that is over or noted. A minute that
    nobody noted is a gap. None without a row."""
    if not rows:
        return []
    last = until or max(rows[-1].minute, minutes.start_of_minute(timezone.now()) - MINUTE)
    first = max(rows[0].minute, last - (CHARTED - 1) * MINUTE)
    noted = {row.minute: row for row in rows}
    times = [first + number * MINUTE for number in range((last - first) // MINUTE + 1)]
    found = [noted.get(time) for time in times]
    missing = found.count(None)
    labels = [f"{time.astimezone(zones.current()):%H:%M}" for time in times]
    summary = _("The last %(count)d minutes.") % {"count": len(times)}
    if missing:
        summary += " " + _("Nobody noted %(count)d of them.") % {"count": missing}
    axis = Axis(_("Minute"), labels)
    return [
        charts.lines(title=title, axis=axis, series=[Series(name, tone, values)], summary=summary)
        for title, name, tone, values in (
            (_("Watching"), _("viewers"), "good", [row.watching if row else None for row in found]),
            (_("Claims a minute"), _("claims"), "info", [row.claimed if row else None for row in found]),
        )
    ]


# Links


HOURS = [(1, gettext_lazy("1 hour")), (8, gettext_lazy("8 hours")), (24, gettext_lazy("1 day"))]
DAYS = [(72, gettext_lazy("3 days")), (168, gettext_lazy("7 days"))]


class ShareForm(forms.Form):
    hours = forms.TypedChoiceField(
        label=gettext_lazy("How long the link works"), choices=[*HOURS, *DAYS], coerce=int, initial=8
    )


@site.page(
    "campaigns/<path:object_id>/war-room/links/",
    name="campaign_war_room_links",
    action=Action.SHARE_FIGURES,
)
def campaign_war_room_links(request: HttpRequest, object_id: str) -> HttpResponse:
    """POST makes a link and shows it once, or with `revoke` ends one."""
    campaign: Campaign = site.admin_of(Campaign).object_or_404(request, unquote(object_id))
    page_url = reverse("dashboard:campaign_war_room_links", args=[quote(campaign.pk)])
    now, made = timezone.now(), ""
    revoked = parse_ulid(request.POST.get("revoke", ""))
    form = ShareForm(request.POST if request.method == "POST" and revoked is None else None)
    if request.method == "POST" and revoked is not None:
        _revoke(request, campaign, revoked, now)
        return redirect(page_url)
    if form.is_valid():
        try:
            with transaction.atomic():
                recheck(request, Action.SHARE_FIGURES)
                lasts = timedelta(hours=form.cleaned_data["hours"])
                _link, token = links.share(campaign=campaign, lasts=lasts, actor=member(request), now=now)
            made = settings.SITE_URL + reverse("fulfillment:shared_war_room", args=[token])
        except ValidationError as refusal:
            form.add_error(None, refusal)
    context = {
        **site.each_context(request),
        "title": _("Links to the war room"),
        "campaign": campaign,
        "form": form,
        "made": made,
        "why_not": links.why_not_share(campaign),
        "links": [(link, link.is_open(now)) for link in links.links_of(campaign)],
        "page_url": page_url,
        "list_url": site.admin_of(Campaign).url("changelist"),
        "overview_url": site.admin_of(Campaign).url_of(campaign),
        "war_room_url": reverse("dashboard:campaign_war_room", args=[quote(campaign.pk)]),
    }
    return render(request, "dashboard/war_room_links.html", context)


def _revoke(request: HttpRequest, campaign: Campaign, pk: str, now: datetime) -> None:
    with transaction.atomic():
        recheck(request, Action.SHARE_FIGURES)
        link = WarRoomLink.objects.filter(campaign=campaign, pk=pk).first()
        if link is None:
            raise Http404
        links.revoke(link=link, actor=member(request), now=now)
    messages.success(request, _("The link is revoked. Nobody looks by it any more."))
