"""Which campaigns there are, and what one of them asks and gives."""

from __future__ import annotations

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from accounts.domain import links
from accounts.requests import viewer_of
from drops.domain import following
from drops.domain.campaigns import participation, promises, reading
from drops.domain.campaigns.extensions import extension_of
from drops.forms import CampaignFilter, shelf_of
from drops.models import Channel
from drops.models.campaigns import in_phases

CAMPAIGNS_A_PAGE = 24
# A campaign may be limited to thousands of channels: the page names those who are live, and these.
CHANNELS_NAMED = 60
STREAMS_SHOWN = 12


def campaign_list(request: HttpRequest) -> HttpResponse:
    now, viewer = timezone.now(), viewer_of(request)
    listed = reading.listed_campaigns(now=now, viewer=viewer)
    form = CampaignFilter(request.GET, campaigns=listed, viewer=viewer, now=now)
    found = form.found()
    shelf = shelf_of(request.GET.get("show", ""))
    shelved = found.filter(in_phases(*shelf.phases)).order_by(shelf.ordering, "pk")
    page = Paginator(shelved.select_related("organization", "category"), CAMPAIGNS_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "now": now,
        "form": form,
        "shelf": shelf,
        "shelf_counts": reading.shelf_counts(found),
        "page_obj": page,
        "cards": reading.campaign_cards(page.object_list, now=now, viewer=viewer),
    }
    return render(request, "drops/campaign_list.html", context)


def campaign_detail(request: HttpRequest, campaign_id: str) -> HttpResponse:
    now, viewer = timezone.now(), viewer_of(request)
    campaign = get_object_or_404(
        reading.open_campaigns(now=now, viewer=viewer)
        .annotate(has_promises=promises.has_public_log())
        .select_related("organization", "category"),
        pk=campaign_id,
    )
    cards = reading.campaign_cards([campaign], now=now, viewer=viewer)
    streams = participation.livestreams_for(campaign).select_related("channel__owner", "category")
    context = {
        "now": now,
        "campaign": campaign,
        "cards": cards,
        "card": cards[0],
        "extension": extension_of(campaign),
        "social_picture": reading.picture_of(cards),
        "streams": streams[:STREAMS_SHOWN] if cards[0].phase.watchable else [],
        "channels": Channel.objects.filter(allowed_in__campaign=campaign).order_by("slug")[:CHANNELS_NAMED],
        "followed": following.followed(campaign, campaign.organization, campaign.category, viewer=viewer),
        "is_linked": viewer is not None
        and links.is_linked(viewer=viewer, organization=campaign.organization),
        "connect_address": links.connect_address(
            connect_url=campaign.organization.connect_url, return_to=settings.SITE_URL + request.path
        ),
    }
    return render(request, "drops/campaign_detail.html", context)
