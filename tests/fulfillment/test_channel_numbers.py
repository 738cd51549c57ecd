"""What campaigns brought to a channel, as its streamer reads it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from drops.models import Campaign, Channel, ChannelUncountedHour, Reason, UncountedHour, WatchHour
from fulfillment.domain.analytics.streamers import brought_to
from tests import factories
from tests.factories import NOW
from tests.html import assert_well_made, text_of

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAGE = "/settings/channel/numbers/"


@pytest.fixture
def streamers_client(client: Client, streamer: User, channel: Channel) -> Client:
    client.force_login(streamer)
    return client


@time_machine.travel(NOW, tick=False)
def test_the_page_tells_what_campaigns_brought_and_what_did_not_count(
    streamers_client: Client,
    campaign: Campaign,
    channel: Channel,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    assert_well_made(streamers_client.get(PAGE))
    elsewhere = factories.ChannelFactory()
    for where, hours, new in ((channel, 30, 3), (channel, 3, 4), (elsewhere, 2, 99)):
        hour = {"campaign": campaign, "channel": where, "hour": NOW - hours * HOUR}
        WatchHour.objects.create(**hour, seconds=5_400, new_viewers=new, viewers=new)
        WatchHour.objects.create(**hour, seconds=999_999, new_viewers=50, viewers=50, test=True)
        UncountedHour.objects.create(**hour, seconds=600, reason=Reason.WRONG_CATEGORY)
        ChannelUncountedHour.objects.create(
            channel=where, hour=hour["hour"], seconds=6_000, reason=Reason.STREAM_OFFLINE
        )
    (brought,) = brought_to(channel, limit=9)
    assert (brought.minutes, brought.new_viewers, brought.best_hour) == (180, 7, None)
    assert (brought.first, brought.last) == (NOW - 30 * HOUR, NOW - 3 * HOUR)
    assert brought.uncounted_minutes == [(Reason.WRONG_CATEGORY, 20)]
    with django_assert_num_queries(8):
        page = streamers_client.get(PAGE)
    assert_well_made(page)
    said = text_of(page)
    assert "180" in said
    assert "fewer than 5" in said
    assert elsewhere.slug not in said
    (series,) = page.context["uncounted"].series
    assert series.name == Reason.STREAM_OFFLINE.label
    assert list(series.values)[-2:] == [100, 100]


def test_who_has_no_channel_has_no_such_page(client: Client, viewer: User) -> None:
    assert client.get(PAGE).status_code == 302
    client.force_login(viewer)
    assert client.get(PAGE).status_code == 404
