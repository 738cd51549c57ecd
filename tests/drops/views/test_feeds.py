"""What other programs read: the feed, the calendar file, the map of the site."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from drops.models import Campaign
from tests import factories

DAY = timedelta(days=1)
FEED = "/campaigns/feed/"


@pytest.fixture(autouse=True)
def _at(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


def make(studio: Organization, name: str, **terms: object) -> Campaign:
    made: Campaign = factories.CampaignFactory(organization=studio, name=name, **terms)
    factories.CampaignRewardFactory(campaign=made)
    return made


def read(feed: HttpResponse) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(feed.content).iter("item"))  # noqa: S314  # our own


def titles(client: Client) -> list[str]:
    return [str(item.findtext("title")) for item in read(client.get(FEED))]


def test_the_feed_has_what_is_public_and_open_the_newest_first(
    client: Client, studio: Organization, member: User, now: datetime
):
    make(studio, "Older", starts_at=now - 3 * DAY)
    make(studio, "Newer & better", starts_at=now - DAY)
    make(studio, "Tested", test_mode=True)
    make(studio, "Over", starts_at=now - 9 * DAY, ends_at=now - DAY)
    make(studio, "Draft", published_at=None)
    assert titles(client) == ["Newer & better", "Older"]
    client.force_login(member)
    assert titles(client) == ["Newer & better", "Older"]  # a feed reader has no sign-in


def test_an_entry_says_what_there_is_and_leads_to_the_site_s_own_address(
    client: Client, studio: Organization, category: object, now: datetime
):
    campaign = make(studio, "Night & Day", category=category)
    answer = client.get(FEED, headers={"Host": "127.0.0.1:9"})
    assert answer.headers["Content-Type"] == "application/rss+xml; charset=utf-8"
    (item,) = read(answer)
    assert item.findtext("link") == f"http://127.0.0.1:8000/campaigns/{campaign.pk}/"
    description = str(item.findtext("description"))
    assert "Night & Day by Northlight Games: 1 reward for watching Skyforge Rally. From " in description
    assert b"127.0.0.1:9/" not in answer.content
    assert f'href="{FEED}"' in client.get("/campaigns/").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_feed_costs_the_same_however_long_it_is(
    client: Client, studio: Organization, django_assert_num_queries: DjangoAssertNumQueries, count: int
):
    for number in range(count):
        make(studio, f"Campaign {number}")
    with django_assert_num_queries(2):
        client.get(FEED)


def test_the_calendar_has_the_dates_of_a_campaign(client: Client, studio: Organization, now: datetime):
    name = "Night, Day; and \\ a name that is much too long for one line of a calendar: ääääääääää"
    campaign = make(studio, name, ends_at=now + DAY, closes_at=now + 2 * DAY)
    answer = client.get(f"/campaigns/{campaign.pk}/calendar.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    lines = answer.content.decode().replace("\r\n ", "").split("\r\n")
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 3
    assert "DTSTART:20261121T120000Z" in lines
    assert "DTSTART:20261122T120000Z" in lines
    said = name.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    assert f"SUMMARY:{said} begins" in lines
    assert (
        f"/campaigns/{campaign.pk}/calendar.ics" in client.get(f"/campaigns/{campaign.pk}/").content.decode()
    )


def test_the_calendar_is_for_whoever_may_open_the_campaign(
    client: Client, studio: Organization, member: User, viewer: User
):
    hidden = make(studio, "Tested", test_mode=True)
    address = f"/campaigns/{hidden.pk}/calendar.ics"
    client.force_login(viewer)
    assert client.get(address).status_code == 404
    client.force_login(member)
    assert client.get(address).status_code == 200


def test_search_engines_are_led_to_what_is_public(client: Client, studio: Organization):
    shown, hidden = make(studio, "Night Shift"), make(studio, "Tested", test_mode=True)
    robots = client.get("/robots.txt")
    assert robots.headers["Content-Type"] == "text/plain"
    assert "Disallow: /settings/\n" in robots.content.decode()
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml\n" in robots.content.decode()
    found = client.get("/sitemap.xml", headers={"Host": "127.0.0.1:9"}).content.decode()
    assert "<loc>http://127.0.0.1:8000/</loc>" in found
    assert f"<loc>http://127.0.0.1:8000/campaigns/{shown.pk}/</loc>" in found
    assert hidden.pk not in found
