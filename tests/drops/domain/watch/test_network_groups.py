"""Groups of viewers of one network: the largest of each channel, and when they are forgotten."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from drops import tasks
from drops.domain.watch.network_groups import LargestGroup, largest_groups
from drops.models import ChannelDay, NetworkDay, WatchHour
from tests.factories import NOW, CampaignFactory, LivestreamFactory
from tests.plans import analyze, empty, rows_read

HOME = 11
TODAY = NOW.date()


def group(channel, network, viewers, *, days_ago=0):
    day = TODAY - timedelta(days=days_ago)
    made = NetworkDay.objects.create(day=day, channel=channel, network=network, viewers=viewers)
    total, _ = ChannelDay.objects.get_or_create(day=day, channel=channel)
    ChannelDay.objects.filter(pk=total.pk).update(viewers=total.viewers + viewers)
    return made


@pytest.mark.django_db
class TestPurge:
    @pytest.fixture(autouse=True)
    def today(self):
        with time_machine.travel(NOW, tick=False):
            yield

    def test_counts_are_forgotten_in_time_small_ones_soon(self, channel, settings):
        settings.WATCH_NETWORK_DAYS = 30
        for days_ago, viewers in itertools.product((0, 2, 3, 30, 31), (4, 5)):
            group(channel, viewers, viewers, days_ago=days_ago)

        assert tasks.purge_watch_history() == 3 + 1 + 1

        def left(**condition):
            rows = NetworkDay.objects.filter(**condition).order_by("-day")
            return [(TODAY - row.day).days for row in rows]

        assert left(viewers=4) == [0, 2]
        assert left(viewers=5) == [0, 2, 3, 30]
        assert ChannelDay.objects.count() == 4

    def test_many_are_deleted_in_parts(self, channel, monkeypatch):
        monkeypatch.setattr("config.rows.DELETED_AT_ONCE", 2)
        for network in range(5):
            group(channel, network, 1, days_ago=9)

        tasks.purge_watch_history()
        assert not NetworkDay.objects.exists()


@pytest.mark.django_db
class TestLargestGroups:
    def counted(self, campaign, channel, day: date = TODAY):
        WatchHour.objects.create(
            campaign=campaign, channel=channel, hour=NOW.replace(year=day.year, month=day.month, day=day.day)
        )

    def test_the_largest_on_a_day_that_counted_for_the_campaign(self, campaign, channel):
        rival = CampaignFactory()
        self.counted(campaign, channel, TODAY - timedelta(days=1))
        self.counted(campaign, channel)
        self.counted(rival, channel, TODAY - timedelta(days=2))
        for days_ago, sizes in enumerate([(7, 3), (12, 8, 4), (900,)]):
            for network, viewers in enumerate(sizes):
                group(channel, network, viewers, days_ago=days_ago)

        (found,) = largest_groups(campaign, [channel]).values()
        assert found == LargestGroup(TODAY - timedelta(days=1), 12, 24)
        assert found.percent == 50
        assert largest_groups(rival, [channel])[channel.pk].viewers == 900

    def test_small_groups_have_no_number(self, campaign, channel):
        self.counted(campaign, channel)
        group(channel, HOME, 4)

        assert largest_groups(campaign, [channel])[channel.pk].viewers is None

    def test_a_channel_of_which_nothing_is_known_is_left_out(self, campaign, channel):
        self.counted(campaign, channel)

        assert largest_groups(campaign, [channel]) == {}


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_million_viewers_more_cost_no_row_more(studio, category):
    """The networks of most viewers are small: no list reads them."""
    empty(NetworkDay, ChannelDay, WatchHour)
    campaign = CampaignFactory(organization=studio, category=category)
    channels = [LivestreamFactory(category=category).channel for _ in range(3)]
    for channel in channels:
        WatchHour.objects.create(campaign=campaign, channel=channel, hour=NOW)
        group(channel, -HOME, 9)

    def rows_after(first, last):
        with connection.cursor() as cursor:
            for channel in channels:
                cursor.execute(
                    "INSERT INTO drops_networkday (day, channel_id, network, viewers)"
                    " SELECT %s, %s, n, 1 + n %% 4 FROM generate_series(%s::int, %s::int) n",
                    [TODAY, channel.pk, first, last],
                )
        analyze(NetworkDay, ChannelDay, WatchHour)
        with CaptureQueriesContext(connection) as queries:
            assert len(largest_groups(campaign, channels)) == 3
            assert len(NetworkDay.objects.filter(viewers__gte=5).order_by("-viewers")[:100]) == 3
        return [rows_read(query["sql"]) for query in queries]

    few = rows_after(1, 2_000)
    many = rows_after(2_001, 20_000)
    assert [more <= less for more, less in zip(many, few, strict=True)] == [True, True]
