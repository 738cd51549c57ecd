"""Viewers of one network: how they are counted, and how many may count."""

from __future__ import annotations

import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext, override_settings
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.domain.watch.history import look_up
from drops.domain.watch.networks import network_of
from drops.domain.watch.status import status_of
from drops.models import ChannelDay, NetworkDay, Reason, WatchInterval
from drops.models.fields import to_ms
from tests.drops.domain.watch.crediting import beats, rows_of, seconds_of
from tests.factories import NOW, CampaignFactory, ChannelFactory, LivestreamFactory, UserFactory

HOME, OFFICE = 11, -12
DAY = 86_400
MIDNIGHT = DAY // 2  # seconds after NOW, which is noon
TODAY, TOMORROW = NOW.date(), NOW.date() + timedelta(days=1)


def counts():
    return {
        (row.day, row.channel.slug, row.network): row.viewers
        for row in NetworkDay.objects.filter(viewers__gt=0).select_related("channel")
    }


@pytest.fixture
def limit(settings):
    settings.WATCH_NETWORK_VIEWERS = 2


@pytest.fixture
def full(db, channel, live, campaign, limit):
    """Two viewers who watch from HOME, as many as may."""
    first, second = UserFactory(), UserFactory()
    for viewer in (first, second):
        beats(viewer, channel, 0, 60, network=HOME)
    return first, second


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.1", "203.0.113.254", True),
        ("203.0.113.1", "203.0.112.1", False),
        ("203.0.113.1", "203.0.113.2:4711", True),
        ("203.0.113.1", "::ffff:203.0.113.2", True),
        ("203.0.113.1", "::ffff:203.0.112.1", False),
        ("2001:db8:1::1", "2001:db8:1:ffff::1", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
    ],
)
def test_a_network_is_24_bits_of_an_address_or_48(one, other, same):
    assert (network_of(one) == network_of(other)) is same


def test_a_network_is_known_by_a_hash_with_a_key_of_this_site(settings):
    here = network_of("203.0.113.1")
    settings.SECRET_KEY = "another" * 8

    assert here.to_bytes(8, "big", signed=True)[:3] != bytes([203, 0, 113])
    assert network_of("203.0.113.1") != here


def test_what_is_no_address_is_of_no_network():
    assert network_of("unknown") == 0


@pytest.mark.django_db
class TestCounts:
    def test_each_viewer_counts_once_a_day_on_a_channel(self, viewer, channel, live, campaign):
        beats(viewer, channel, 0, 60, network=HOME)
        beats(viewer, channel, 90, kind=BeatKind.GOODBYE, network=HOME)
        beats(viewer, channel, 4_000, 4_060, network=HOME)
        beats(UserFactory(), channel, 0, network=HOME)
        beats(UserFactory(), channel, 0, network=OFFICE)
        beats(UserFactory(), channel, 0)

        assert counts() == {(TODAY, "streamer", HOME): 2, (TODAY, "streamer", OFFICE): 1}
        assert ChannelDay.objects.values_list("day", "viewers").get() == (TODAY, 3)

    def test_who_moves_to_another_network_is_not_counted_again(self, viewer, channel, live, campaign):
        beats(viewer, channel, 0, 60, network=HOME)
        beats(viewer, channel, 120, network=OFFICE)
        beats(viewer, channel, 4_000, network=OFFICE)

        assert counts() == {(TODAY, "streamer", HOME): 1}

    def test_a_visit_over_midnight_counts_on_both_days(self, viewer, channel, live, campaign):
        beats(viewer, channel, MIDNIGHT - 30, network=HOME)
        beats(viewer, channel, MIDNIGHT + 30, MIDNIGHT + 90, network=OFFICE)

        assert counts() == {(TODAY, "streamer", HOME): 1, (TOMORROW, "streamer", OFFICE): 1}
        assert rows_of(viewer) == [("streamer", "", 30), ("streamer", "", 90)]

    def test_time_that_does_not_count_is_not_counted(self, viewer, channel, live, campaign, category):
        other = LivestreamFactory(category=category).channel
        beats(viewer, channel, 0, 60, network=HOME)
        beats(viewer, other, 70, network=HOME)  # the first channel has the session
        beats(viewer, ChannelFactory(), 80, network=HOME)  # is not live

        assert counts() == {(TODAY, "streamer", HOME): 1}

    def test_a_viewer_whom_the_platform_reports_is_of_no_network(self, viewer, channel, live, campaign):
        beats(viewer, channel, 0, 60)
        beats(viewer, channel, 120, 4_000, network=HOME)

        assert counts() == {}
        assert not ChannelDay.objects.exists()

    def test_who_goes_on_watching_costs_no_query_more(self, channel, live, campaign, settings):
        def steady(**network):
            who = UserFactory()
            beats(who, channel, 0, 60, **network)
            with CaptureQueriesContext(connection) as queries:
                beats(who, channel, 120, 180, **network)
            return len(queries)

        without = steady()
        assert steady(network=HOME) == without
        settings.WATCH_NETWORK_VIEWERS = 9
        assert steady(network=HOME) == without

    def test_a_batch_of_newcomers_costs_the_same_whatever_its_size(self, channel, live, campaign, limit):
        def queries(size):
            batch = [
                Beat(UserFactory().pk, channel.pk, to_ms(NOW), network=number // 3 + 1)
                for number in range(size)
            ]
            with CaptureQueriesContext(connection) as captured:
                credit(batch, now=NOW)
            words = (re.sub(r"^\d+ times: ", "", query["sql"]) for query in captured)
            return [text.split("(")[0] for text in words if "SAVEPOINT" not in text]

        beats(UserFactory(), channel, 0, network=HOME)
        assert queries(1) == queries(30)


@pytest.mark.django_db
class TestLimit:
    def test_one_viewer_too_many_does_not_count_and_learns_why(self, viewer, channel, full, campaign, studio):
        beats(viewer, channel, 60, 120, 180, network=HOME)

        assert rows_of(viewer) == [("streamer", Reason.NETWORK_LIMIT, 0)]
        assert seconds_of(viewer, campaign) == 0
        status = status_of(viewer=viewer, channel=channel, now=NOW + timedelta(seconds=190))
        assert (status.counting, status.reason) == (False, Reason.NETWORK_LIMIT)
        assert "another network" in status.text
        (seen,) = look_up(organization=studio, viewer_id=viewer.pk, since=NOW)
        assert (seen.campaign, seen.reason) == (campaign, Reason.NETWORK_LIMIT)
        assert counts() == {(TODAY, "streamer", HOME): 2}

    def test_who_counts_already_goes_on(self, channel, full, campaign):
        first, _ = full
        beats(first, channel, 90, kind=BeatKind.GOODBYE, network=HOME)
        beats(UserFactory(), channel, 100, network=HOME)
        beats(first, channel, 4_000, 4_060, network=HOME)

        assert seconds_of(first, campaign) == 90 + 60

    def test_the_limit_that_came_down_takes_nobody_out(self, channel, full, campaign, settings):
        settings.WATCH_NETWORK_VIEWERS = 1
        for viewer in full:
            beats(viewer, channel, 120, 4_000, 4_060, network=HOME)
            assert seconds_of(viewer, campaign) == 120 + 60

    def test_another_network_and_another_channel_have_room(self, viewer, channel, full, campaign, category):
        beats(viewer, channel, 60, network=HOME)
        beats(viewer, channel, 120, 180, network=OFFICE)
        other = UserFactory()
        beats(other, LivestreamFactory(category=category).channel, 60, 120, network=HOME)

        assert rows_of(viewer) == [("streamer", Reason.NETWORK_LIMIT, 0), ("streamer", "", 120)]
        assert seconds_of(other, campaign) == 60

    def test_the_next_day_begins_anew(self, viewer, channel, full, campaign):
        beats(viewer, channel, MIDNIGHT - 60, MIDNIGHT + 60, MIDNIGHT + 120, network=HOME)
        for late in full:  # as many as may come first, whoever they are
            beats(late, channel, MIDNIGHT + 130, MIDNIGHT + 190, network=HOME)

        assert rows_of(viewer) == [("streamer", Reason.NETWORK_LIMIT, 0), ("streamer", "", 120)]
        assert counts() == {(TODAY, "streamer", HOME): 2, (TOMORROW, "streamer", HOME): 2}
        assert rows_of(full[1])[-1] == ("streamer", Reason.NETWORK_LIMIT, 0)

    def test_what_is_refused_takes_the_session_from_nobody(self, viewer, channel, full, campaign, category):
        other = LivestreamFactory(category=category).channel
        beats(viewer, other, 0, 60, network=HOME)
        beats(viewer, channel, 70, kind=BeatKind.SWITCH, network=HOME)
        beats(viewer, other, 120, network=HOME)

        assert seconds_of(viewer, campaign) == 120
        status = status_of(viewer=viewer, channel=channel, now=NOW + timedelta(seconds=125))
        assert status.reason == Reason.NETWORK_LIMIT

    def test_whom_another_channel_holds_takes_no_place(
        self, viewer, channel, live, campaign, category, limit
    ):
        other = LivestreamFactory(category=category).channel
        beats(viewer, other, 0, network=HOME)
        beats(viewer, channel, 10, network=HOME)
        for _ in range(2):
            late = UserFactory()
            beats(late, channel, 20, 80, network=HOME)
            assert seconds_of(late, campaign) == 60

    def test_beats_of_no_known_network_always_count(self, viewer, channel, full, campaign):
        beats(viewer, channel, 60, 120)

        assert seconds_of(viewer, campaign) == 60

    def test_a_replay_changes_nothing(self, channel, full, campaign):
        for viewer in full:
            beats(viewer, channel, 0, 60, 0, network=HOME)
            assert seconds_of(viewer, campaign) == 60

        assert counts() == {(TODAY, "streamer", HOME): 2}


SENT = st.lists(
    st.tuples(
        st.integers(0, 5),  # viewer
        st.integers(0, 1),  # channel
        st.sampled_from([0, 1, 20_000, 60_000, 100_000, 200_000, -30_000]),  # milliseconds later
        st.sampled_from([BeatKind.WATCH] * 4 + list(BeatKind)),
        st.sampled_from([HOME, HOME, OFFICE, 0]),
    ),
    max_size=30,
)


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sent=SENT, limit=st.integers(0, 3), size=st.integers(1, 30))
def test_a_batch_and_single_beats_leave_the_same_counts_and_keep_the_limit(
    studio, category, sent, limit, size
):
    with transaction.atomic(), override_settings(WATCH_NETWORK_VIEWERS=limit):
        CampaignFactory(organization=studio, category=category)
        viewers = [UserFactory().pk for _ in range(6)]
        channels = [LivestreamFactory(category=category).channel_id for _ in range(2)]
        at, batch = to_ms(NOW) + (MIDNIGHT - 200) * 1000, []
        for viewer, channel, later, kind, network in sent:
            at += later
            batch.append(Beat(viewers[viewer], channels[channel], at, kind, network=network))

        alone = outcome([[each] for each in batch])
        together = outcome([batch[start : start + size] for start in range(0, len(batch), size)])
        assert alone == together
        most = max((viewers for *_, viewers in alone[1]), default=0)
        assert most <= (limit or 6)
        transaction.set_rollback(True)


def outcome(batches):
    with transaction.atomic():
        for batch in batches:
            credit(batch, now=NOW)
        rows = sorted(
            WatchInterval.objects.values_list(
                "viewer", "channel", "started_at", "last_beat_at", "reason", "credited_seconds", "is_open"
            )
        )
        networks = NetworkDay.objects.filter(viewers__gt=0)
        found = (
            rows,
            sorted(networks.values_list("day", "channel", "network", "viewers")),
            sorted(ChannelDay.objects.values_list("day", "channel", "viewers")),
        )
        transaction.set_rollback(True)
    return found


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_creditings_at_once_keep_the_limit(studio, category, settings):
    settings.WATCH_NETWORK_VIEWERS = 3
    CampaignFactory(organization=studio, category=category)
    channels = [LivestreamFactory(category=category).channel_id for _ in range(3)]
    viewers = [UserFactory().pk for _ in range(32)]

    def run(turn: int) -> None:
        mine = [viewer for viewer in viewers if viewer % 8 == turn]
        mixed = list(itertools.product(mine, (HOME, OFFICE, HOME + 1)))
        for minute in range(3):
            # Each in another order: they would wait in a circle if the locks had none.
            credit(
                [
                    Beat(
                        viewer,
                        channels[(viewer // 8 + network) % 3],
                        to_ms(NOW) + minute * 60_000,
                        network=network,
                    )
                    for viewer, network in (mixed[turn:] + mixed[:turn])
                ],
                now=NOW,
            )
        connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(run, range(8)))

    stored = NetworkDay.objects.values_list("channel", "network", "viewers")
    assert max(viewers for *_, viewers in stored) == 3
    for channel_id in channels:
        counting = WatchInterval.objects.filter(channel=channel_id, reason="").values("viewer").distinct()
        assert counting.count() == sum(viewers for channel, _, viewers in stored if channel == channel_id)
