"""What other programs read of the campaigns: feed readers, calendars and search engines. All of it is public."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from accounts.requests import viewer_of
from drops.domain.campaigns import reading
from drops.models import Campaign, CampaignPhase
from drops.models.campaigns import CampaignQuerySet, in_phases

NEWEST = 50
# Where search engines have nothing to look for.
PRIVATE = ("accounts", "admin", "dashboard", "inventory", "oauth", "settings")


def _public() -> CampaignQuerySet:
    campaigns = reading.listed_campaigns(now=timezone.now(), viewer=None)
    return campaigns.select_related("organization", "category")


def _address(path: str) -> str:
    return f"{settings.SITE_URL}{path}"


class CampaignFeed(Feed):
    """The newest campaigns, each from its announcement on."""

    title = gettext_lazy("Drops: campaigns")
    description = gettext_lazy("Campaigns in which watching live streams earns rewards.")

    def link(self) -> str:
        return _address(reverse("drops:campaigns"))

    def feed_url(self) -> str:
        return _address(reverse("drops:feed"))

    def items(self) -> CampaignQuerySet:
        open_ones = _public().filter(in_phases(CampaignPhase.ANNOUNCED, CampaignPhase.LIVE))
        return open_ones.prefetch_related("campaign_rewards").order_by("-announces_at", "-pk")[:NEWEST]

    def item_title(self, item: Campaign) -> str:
        return item.name

    def item_description(self, item: Campaign) -> str:
        card = {"thresholds": item.campaign_rewards.all()}
        return render_to_string("drops/parts/campaign_in_a_feed.txt", {"campaign": item, "card": card})

    def item_link(self, item: Campaign) -> str:
        return _address(reverse("drops:campaign", args=[item.pk]))

    def item_pubdate(self, item: Campaign) -> datetime:
        return item.announces_at


class _Sitemap(Sitemap):
    def get_protocol(self, protocol: str | None = None) -> str:
        return urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site: object = None) -> str:
        return urlsplit(settings.SITE_URL).netloc


class PagesSitemap(_Sitemap):
    def items(self) -> list[str]:
        return ["home", "drops:campaigns", "drops:channels"]

    def location(self, item: str) -> str:
        return reverse(item)


class CampaignSitemap(_Sitemap):
    def items(self) -> CampaignQuerySet:
        return _public().order_by("-announces_at", "-pk")

    def location(self, item: Campaign) -> str:
        return reverse("drops:campaign", args=[item.pk])


SITEMAPS = {"pages": PagesSitemap, "campaigns": CampaignSitemap}


def robots(request: HttpRequest) -> HttpResponse:
    lines = ["User-agent: *", *(f"Disallow: /{part}/" for part in PRIVATE)]
    lines.append(f"Sitemap: {_address(reverse('sitemap'))}")
    return HttpResponse("".join(f"{line}\n" for line in lines), content_type="text/plain")


def calendar(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The dates of one campaign (RFC 5545), for whoever may open its page."""
    now = timezone.now()
    campaign = get_object_or_404(reading.open_campaigns(now=now, viewer=viewer_of(request)), pk=campaign_id)
    dates = [
        ("start", campaign.starts_at, _("%(campaign)s begins")),
        ("end", campaign.ends_at, _("%(campaign)s ends: last minutes to watch")),
        ("close", campaign.closes_at, _("%(campaign)s: last moment to claim")),
    ]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Drops//Campaigns//EN"]
    for kind, when, summary in dates:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{campaign.pk}-{kind}@{urlsplit(settings.SITE_URL).hostname}",
            f"DTSTAMP:{_moment(now)}",
            f"DTSTART:{_moment(when)}",
            f"SUMMARY:{_escaped(summary % {'campaign': campaign.name})}",
            f"URL:{_address(reverse('drops:campaign', args=[campaign.pk]))}",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    text = "".join(f"{_folded(line)}\r\n" for line in lines)
    disposition = f'attachment; filename="{campaign.pk}.ics"'
    return HttpResponse(
        text, content_type="text/calendar; charset=utf-8", headers={"Content-Disposition": disposition}
    )


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for sign in "\\;,":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", "\\n")


def _folded(line: str) -> str:
    """No line of more than 75 bytes: what goes on begins with a space."""
    parts, part = [], ""
    for sign in line:
        if len((part + sign).encode()) > 74:
            parts.append(part)
            part = ""
        part += sign
    return "\r\n ".join([*parts, part])
