"""The rules of watch time, one by one."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.models import Reason, RewardHour, WatchInterval
from drops.models.fields import to_ms
from tests.drops.domain.watch.crediting import beats, rows_of, seconds_of
from tests.factories import (
    NOW,
    CampaignRewardFactory,
    ChannelFactory,
    LivestreamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_a_beat_earns_the_time_since_the_one_before(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60, 120)

    assert seconds_of(viewer, campaign) == 120
    assert rows_of(viewer) == [("streamer", "", 120)]


def test_the_first_beat_earns_nothing(viewer, channel, live, campaign):
    beats(viewer, channel, 0)

    assert seconds_of(viewer, campaign) == 0
    assert rows_of(viewer) == [("streamer", "", 0)]


def test_a_beat_after_silence_earns_no_more_than_150_seconds(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 200, 260)

    assert seconds_of(viewer, campaign) == 150 + 60
    assert rows_of(viewer) == [("streamer", "", 150), ("streamer", "", 60)]


def test_a_player_that_begins_earns_nothing_of_a_silence_before_it(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60)
    beats(viewer, channel, 300, kind=BeatKind.START)
    beats(viewer, channel, 360)

    assert seconds_of(viewer, campaign) == 120


def test_a_page_that_is_loaded_anew_loses_nothing(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60, player=1)
    beats(viewer, channel, 90, kind=BeatKind.START, player=2)

    assert seconds_of(viewer, campaign) == 90


def test_a_beat_the_next_day_begins_anew(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60, 86_400, 86_460)

    assert seconds_of(viewer, campaign) == 120


def test_visits_that_went_silent_do_not_stay_open(viewer, category):
    for number in range(5):
        beats(viewer, LivestreamFactory(category=category).channel, number * 3 * 3600)

    last_beat_at = NOW + timedelta(hours=12)
    assert WatchInterval.objects.filter(is_open=True).values_list("last_beat_at").get() == (last_beat_at,)


def test_a_late_report_earns_the_same_after_a_beat_elsewhere(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    beats(viewer, ChannelFactory(), 65 * 60)
    beats(viewer, channel, 58 * 60)

    assert seconds_of(viewer, campaign) == 150


@pytest.mark.parametrize("step", [60, 120])
def test_senders_of_any_step_earn_the_same_in_an_hour(viewer, channel, live, campaign, step):
    beats(viewer, channel, *(second + 0.25 for second in range(0, 3601, step)))

    assert seconds_of(viewer, campaign) == 3600


def test_parts_of_seconds_are_not_lost_between_beats(viewer, channel, live, campaign):
    beats(viewer, channel, *(number * 0.7 for number in range(101)))

    assert seconds_of(viewer, campaign) == 70


def test_a_clock_that_steps_back_costs_no_more_than_the_step(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60, 20, 50, 80, 140)

    assert seconds_of(viewer, campaign) == 140


def test_counting_goes_on_after_the_last_reward(viewer, channel, live, campaign):
    CampaignRewardFactory(campaign=campaign, required_minutes=1)
    beats(viewer, channel, *range(0, 301, 60))

    assert seconds_of(viewer, campaign) == 300
    assert RewardHour.objects.get().qualified == 1


def test_a_visit_past_midnight_goes_on_in_a_new_row(viewer, channel, live, campaign):
    late = 12 * 3600
    beats(viewer, channel, late - 60, late + 60)

    assert seconds_of(viewer, campaign) == 120
    assert rows_of(viewer) == [("streamer", "", 60), ("streamer", "", 60)]


def test_unknown_viewers_and_channels_are_reported(viewer, channel, live, campaign):
    result = credit(
        [
            Beat(viewer.pk, channel.pk, to_ms(NOW)),
            Beat(2**62, channel.pk, to_ms(NOW)),
            Beat(viewer.pk, 2**61, 0),
        ],
        now=NOW,
    )

    assert (result.unknown_viewers, result.unknown_channels) == ({2**62}, {2**61})
    assert WatchInterval.objects.count() == 1


def test_an_account_that_was_closed_earns_nothing(viewer, channel, live, campaign):
    viewer.is_active = False
    viewer.save()
    beats(viewer, channel, 0, 60)

    assert not WatchInterval.objects.exists()


def test_no_beats_are_nothing_to_do():
    assert credit([], now=NOW).seconds == 0


@pytest.mark.parametrize(("viewers", "campaigns"), [(1, 1), (40, 1), (40, 25)])
def test_a_batch_costs_as_many_queries_for_one_viewer_as_for_many(
    viewers, campaigns, channel, live, studio, category, django_assert_num_queries
):
    for _ in range(campaigns):
        CampaignRewardFactory(campaign__organization=studio, campaign__category=category)
    people = [UserFactory() for _ in range(viewers)]

    def batch(second):
        return [Beat(person.pk, channel.pk, to_ms(NOW) + second * 1000) for person in people]

    credit(batch(0), now=NOW)
    # PostgreSQL is told before each update how to look its rows up.
    planned = 1 if connection.vendor == "postgresql" else 0
    paired = 1 if campaigns > 1 else 0
    with django_assert_num_queries(21 + planned + paired):  # progress and hours begin
        credit(batch(60), now=NOW)
    with django_assert_num_queries(17 + 2 * planned):  # and go on
        credit(batch(120), now=NOW)


def test_rows_that_raw_sql_would_break_are_refused(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60)
    row = WatchInterval.objects.get()
    twin = {"viewer": viewer, "standing": row.standing, "visit_started_at": NOW, "last_beat_at": NOW}
    for wrong in (
        {"channel": ChannelFactory(), "started_at": NOW},  # a second session
        {"channel": channel, "started_at": NOW, "reason": Reason.STREAM_OFFLINE},  # a second open row
        {"channel": ChannelFactory(), "started_at": NOW, "reason": "because", "is_open": False},
        {"channel": channel, "started_at": NOW + timedelta(seconds=1), "is_open": False},
        {
            "channel": channel,
            "started_at": NOW,
            "reason": "test_mode",
            "credited_seconds": 1,
            "is_open": False,
        },
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            WatchInterval.objects.create(**twin, **wrong)
