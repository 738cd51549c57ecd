"""The markup of every page: what an HTML checker would say of ids, headings, labels and times."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db.models import DateTimeField, F
from django.http import HttpResponse
from django.test import Client

from accounts.models import GameLink, User
from drops.models import Channel, Livestream, Progress, WatchInterval
from fulfillment.models import Attempt
from tests import factories
from tests.factories import NOW
from tests.html import assert_well_made
from tests.isolation.pages import addresses
from tests.isolation.world import OF_MODEL, Belongings

VIEWERS_PAGES = [
    "/",
    "/campaigns/",
    "/channels/",
    "/inventory/",
    "/settings/",
    "/settings/connections/",
    "/settings/delete/",
    "/settings/watch-history/",
    "/settings/channel/",
    "/accounts/sessions/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/dashboard/register/",
    "/nothing/",
]


@pytest.fixture
def own(db: None) -> Belongings:
    """Something of everything, at times with microseconds, as a real clock writes them."""
    with time_machine.travel(NOW, tick=False):
        own = Belongings("own")
        livestream = factories.LivestreamFactory(category=own.category)
        factories.GameLinkFactory(viewer=own.owner, organization=own.organization)
        factories.ProgressFactory(campaign=own.campaign, viewer=own.owner)
        factories.ChannelFactory(owner=own.owner)
    assert livestream
    for model in (*OF_MODEL, Attempt, Channel, GameLink, Livestream, Progress, WatchInterval, User):
        names = [field.name for field in model._meta.fields if isinstance(field, DateTimeField)]
        if names:
            model._base_manager.update(**{name: F(name) + timedelta(microseconds=654_321) for name in names})
    return own


def test_every_page_of_the_dashboard_is_well_made(client: Client, own: Belongings) -> None:
    client.force_login(own.owner)
    checked = 0
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        for address in addresses():
            response = client.get(address.of(own), follow=True)
            if (
                response.headers["Content-Type"].startswith("text/html")
                and "hx-request" not in response.headers
            ):
                _check(response, address.name)
                checked += 1
    assert checked > 30


@pytest.mark.parametrize("page", VIEWERS_PAGES)
def test_every_page_of_a_viewer_is_well_made(client: Client, own: Belongings, page: str) -> None:
    client.force_login(own.owner)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        _check(client.get(page, follow=True), page)


def test_pages_of_a_campaign_and_a_channel_are_well_made(client: Client, own: Belongings) -> None:
    client.force_login(own.owner)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        for channel in Channel.objects.all():
            _check(client.get(f"/channels/{channel.slug}/"), channel.slug)
        _check(client.get(f"/campaigns/{own.campaign.pk}/"), "campaign")


@pytest.mark.parametrize(
    "html",
    [
        '<h1>A</h1><time datetime="2026-11-20T12:00:00.654321+00:00">now</time>',
        "<h1>A</h1><time>20:00 to 20:40</time>",
        '<h1>A</h1><p id="a"></p><p id="a"></p>',
        "<h1>A</h1><h1>B</h1>",
    ],
)
def test_the_check_sees_what_is_wrong(html: str) -> None:
    with pytest.raises(AssertionError):
        assert_well_made(HttpResponse(html))


def test_browsers_that_ask_for_the_icon_at_its_old_address_get_it(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert response.status_code == 302
    assert response.url == "/static/img/favicon.ico"


def _check(response: HttpResponse, page: str) -> None:
    assert response.status_code in (200, 403) or page == "/nothing/", page
    try:
        assert_well_made(response)
    except AssertionError as error:
        raise AssertionError(f"{page}: {error}") from error
