"""One channel counts at a time for a viewer, whatever the number of players and channels."""

import pytest

from drops.domain.watch.beats import BeatKind
from drops.models import Reason
from tests.drops.domain.watch.crediting import beats, rows_of, seconds_of
from tests.factories import LivestreamFactory

pytestmark = pytest.mark.django_db


def test_one_channel_counts_at_a_time(viewer, channel, live, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0, 60)
    beats(viewer, other, 70, 100)
    beats(viewer, channel, 120)

    assert seconds_of(viewer, campaign) == 120
    assert rows_of(viewer) == [("streamer", "", 120), (other.slug, Reason.OTHER_STREAM_ACTIVE, 0)]


def test_a_goodbye_earns_until_then_and_ends_the_visit(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    beats(viewer, channel, 30, kind=BeatKind.GOODBYE)
    beats(viewer, channel, 100, 160)

    assert seconds_of(viewer, campaign) == 30 + 60
    assert len(rows_of(viewer)) == 2


def test_the_goodbye_of_one_of_two_players_ends_nothing_for_the_other(viewer, channel, live, campaign):
    beats(viewer, channel, 0, player=1)
    beats(viewer, channel, 30, player=2)
    beats(viewer, channel, 45, kind=BeatKind.GOODBYE, player=1)
    beats(viewer, channel, 90, player=2)

    assert seconds_of(viewer, campaign) == 90
    assert len(rows_of(viewer)) == 1


def test_two_devices_on_one_channel_earn_once(viewer, channel, live, campaign):
    for second in range(0, 121, 20):
        beats(viewer, channel, second, player=second % 40)

    assert seconds_of(viewer, campaign) == 120


def test_a_goodbye_makes_room_for_another_channel(viewer, channel, live, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0)
    beats(viewer, channel, 60, kind=BeatKind.GOODBYE)
    beats(viewer, other, 61, 121)

    assert seconds_of(viewer, campaign) == 120


def test_a_waiting_channel_counts_from_the_goodbye_of_the_first(viewer, channel, live, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0)
    beats(viewer, other, 30)
    beats(viewer, channel, 60, kind=BeatKind.GOODBYE)
    beats(viewer, other, 90)

    assert seconds_of(viewer, campaign) == 60 + 30
    assert rows_of(viewer) == [
        ("streamer", "", 60),
        (other.slug, Reason.OTHER_STREAM_ACTIVE, 0),
        (other.slug, "", 30),
    ]


def test_a_silent_channel_keeps_the_session_for_150_seconds(viewer, channel, live, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0)
    beats(viewer, other, 60, 120, 180)

    assert seconds_of(viewer, campaign) == 30
    assert rows_of(viewer)[-1] == (other.slug, "", 30)


def test_count_here_instead_moves_the_session(viewer, channel, live, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0, 60)
    beats(viewer, other, 70)
    beats(viewer, other, 100, kind=BeatKind.SWITCH)
    beats(viewer, other, 160)
    beats(viewer, channel, 170)

    # From the other channel's own beat at 70 on: nothing is lost, nothing is counted twice.
    assert seconds_of(viewer, campaign) == 60 + 30 + 60
    assert rows_of(viewer)[-1] == ("streamer", Reason.OTHER_STREAM_ACTIVE, 0)


def test_a_channel_that_does_not_count_keeps_nobody_from_another(viewer, channel, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0)
    beats(viewer, other, 10)
    beats(viewer, channel, 60)
    beats(viewer, other, 70)

    assert seconds_of(viewer, campaign) == 60
    assert rows_of(viewer) == [("streamer", Reason.STREAM_OFFLINE, 0), (other.slug, "", 60)]
