"""The landing page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.requests import viewer_of
from drops.domain.campaigns import reading

CAMPAIGNS_SHOWN = 6
# The evening that the page shows as an example, in slices of five minutes.
EVENING = ["good"] * 8 + ["wait"] * 4 + ["good"] * 6 + [""] * 3


def landing(request: HttpRequest) -> HttpResponse:
    now, viewer = timezone.now(), viewer_of(request)
    live = reading.live_campaigns(now=now, viewer=viewer).order_by("ends_at", "pk")
    cards = reading.campaign_cards(
        live.select_related("organization", "category")[:CAMPAIGNS_SHOWN], now=now, viewer=viewer
    )
    return render(request, "pages/home.html", {"now": now, "cards": cards, "evening": EVENING})
