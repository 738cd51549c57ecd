"""Who is live, and watching one of them."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.vary import vary_on_headers

from accounts.models import User
from accounts.requests import PageRequest, viewer_of
from drops.domain import following
from drops.domain.campaigns import participation, reading
from drops.domain.catalogue import categories, channels, livestreams
from drops.domain.watch.pulse import pulse_of
from drops.domain.watch.status import status_of
from drops.forms import ChannelFilter, LivestreamForm
from drops.models import Channel

STREAMS_A_PAGE = 24


def channel_list(request: HttpRequest) -> HttpResponse:
    now, viewer = timezone.now(), viewer_of(request)
    if present := categories.present_slug(request.GET.get("category", "")):
        asked = request.GET.copy()
        asked["category"] = present
        return redirect(f"{request.path}?{asked.urlencode()}")
    form = ChannelFilter(request.GET, categories=livestreams.categories_on_air())
    streams = form.found(livestreams.livestreams_on_air()).select_related("channel__owner", "category")
    page = Paginator(streams, STREAMS_A_PAGE).get_page(request.GET.get("page"))
    campaigns = participation.campaigns_on(page.object_list, now=now, viewer=viewer)
    context = {
        "form": form,
        "page_obj": page,
        "streams": [(stream, campaigns[stream.pk]) for stream in page.object_list],
    }
    return render(request, "drops/channel_list.html", context)


def channel(request: HttpRequest, slug: str) -> HttpResponse:
    """The watch page; for its streamer also where the stream starts and ends."""
    now, viewer = timezone.now(), viewer_of(request)
    watched = _channel(slug)
    if watched.slug != slug.lower():  # an address that it had before
        return redirect("drops:channel", watched.slug)
    context = _drops_here(watched, viewer=viewer, now=now)
    if context["livestream"] is not None and viewer is not None:
        context["pulse"] = pulse_of(watched.slug, now=now)
        context["socket_url"] = settings.SOCKET_URL
    context["social_picture"] = reading.picture_of(context["shown_cards"]) or watched.banner
    context["is_own"] = viewer is not None and viewer.pk == watched.owner_id
    context["followed"] = following.followed(watched, viewer=viewer)
    if context["is_own"] and settings.STREAMERS_GO_LIVE:
        livestream = context["livestream"]
        context["stream_form"] = LivestreamForm(
            initial={"title": livestream.title, "category": livestream.category_id} if livestream else None
        )
    return render(request, "drops/channel.html", context)


@vary_on_headers("HX-Request")
def watch_status(request: PageRequest, slug: str) -> HttpResponse:
    """What counts here now, as a part of the watch page that is fetched again while watching.

    With `seen`, a pulse: nothing, unless the pulse is another one meanwhile.
    """
    if not request.htmx:
        return redirect("drops:channel", slug)
    now = timezone.now()
    slug = slug.lower()
    if request.GET.get("seen") == (pulse := pulse_of(slug, now=now)):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context = _drops_here(_channel(slug), viewer=viewer_of(request), now=now)
    return render(request, "drops/parts/watch_now.html", context | {"pulse": pulse})


def _channel(slug: str) -> Channel:
    found = channels.channel_by_name(slug)
    if found is None:
        raise Http404
    return found


def _drops_here(channel: Channel, *, viewer: User | None, now: datetime) -> dict[str, Any]:
    livestream = channel.livestreams.filter(ended_at=None).select_related("channel", "category").first()
    status, campaigns, earned_before = None, [], []
    if livestream is not None and viewer is not None:
        status = status_of(viewer=viewer, channel=channel, now=now)
        campaigns = sorted((entry.campaign for entry in status.campaigns), key=attrgetter("ends_at"))
        earned_before = sorted((entry.campaign for entry in status.earned_before), key=attrgetter("ends_at"))
    elif livestream is not None:
        campaigns = participation.campaigns_on([livestream], now=now, viewer=None)[livestream.pk]
    # What was earned stays on the page while nothing counts.
    shown_cards = reading.campaign_cards(campaigns or earned_before, now=now, viewer=viewer)
    nothing_counts = not campaigns and (status is None or status.other_channel is None)
    return {
        "now": now,
        "channel": channel,
        "elsewhere": participation.counting_elsewhere(channel, now=now, viewer=viewer)
        if nothing_counts
        else [],
        "livestream": livestream,
        "status": status,
        "cards": shown_cards if campaigns else [],
        "shown_cards": shown_cards,
    }
