"""The rules of watch time, one by one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from drops.domain.campaigns.lifecycle import change_campaign
from drops.domain.campaigns.plans import plan_of
from drops.domain.catalogue import livestreams
from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.models import Progress, Reason, RewardHour, WatchHour, WatchInterval
from drops.models.fields import to_ms
from tests.factories import (
    NOW,
    AllowedChannelFactory,
    CampaignFactory,
    CampaignRewardFactory,
    ChannelFactory,
    LivestreamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def beats(viewer, channel, *seconds, kind=BeatKind.WATCH, **more):
    """Credit one beat at each of these seconds after NOW, each on its own."""
    for second in seconds:
        moment = NOW + timedelta(seconds=second)
        credit([Beat(viewer.pk, channel.pk, to_ms(moment), kind, **more)], now=moment)


def seconds_of(viewer, campaign):
    return (
        Progress.objects.filter(viewer=viewer, campaign=campaign).values_list("seconds", flat=True).first()
        or 0
    )


def rows_of(viewer):
    return list(
        WatchInterval.objects.filter(viewer=viewer)
        .order_by("started_at", "pk")
        .values_list("channel__slug", "reason", "credited_seconds")
    )


def test_a_beat_earns_the_time_since_the_one_before(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60, 120)

    assert seconds_of(viewer, campaign) == 120
    assert rows_of(viewer) == [("streamer", "", 120)]


def test_the_first_beat_earns_nothing(viewer, channel, live, campaign):
    beats(viewer, channel, 0)

    assert seconds_of(viewer, campaign) == 0
    assert rows_of(viewer) == [("streamer", "", 0)]


def test_the_hour_knows_seconds_viewers_and_who_qualified(viewer, stranger, channel, live, campaign):
    attached = CampaignRewardFactory(campaign=campaign, required_minutes=1)
    beats(viewer, channel, 0, 60, 120)
    beats(stranger, channel, 0, 59)

    hour = WatchHour.objects.get()
    assert (hour.campaign, hour.channel, hour.hour) == (campaign, channel, NOW)
    assert (hour.seconds, hour.viewers, hour.new_viewers) == (179, 2, 2)
    assert RewardHour.objects.values_list("reward", "qualified").get() == (attached.reward_id, 1)


def test_one_channel_counts_at_a_time(viewer, channel, live, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0, 60)
    beats(viewer, other, 70, 100)
    beats(viewer, channel, 120)

    assert seconds_of(viewer, campaign) == 120
    assert rows_of(viewer) == [("streamer", "", 120), (other.slug, Reason.OTHER_STREAM_ACTIVE, 0)]


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


def test_only_the_part_inside_the_campaign_counts(viewer, channel, live, studio, category):
    starting = CampaignFactory(organization=studio, category=category, starts_at=NOW + timedelta(seconds=20))
    ending = CampaignFactory(organization=studio, category=category, ends_at=NOW + timedelta(seconds=40))
    beats(viewer, channel, 0, 60)

    assert (seconds_of(viewer, starting), seconds_of(viewer, ending)) == (40, 40)
    assert [row[2] for row in rows_of(viewer)] == [20, 20, 20]


def test_a_change_of_category_counts_from_that_moment(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    livestreams.change_livestream(
        livestream=live, category=None, title="", now=NOW + timedelta(seconds=40), actor=None
    )
    beats(viewer, channel, 60)
    livestreams.change_livestream(
        livestream=live, category=campaign.category, title="", now=NOW + timedelta(seconds=70), actor=None
    )
    beats(viewer, channel, 120)

    assert seconds_of(viewer, campaign) == 40 + 50
    assert [row[1:] for row in rows_of(viewer)] == [("", 40), (Reason.WRONG_CATEGORY, 0), ("", 50)]


def test_the_end_of_the_stream_takes_nothing_earned_away(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    livestreams.end_livestream(livestream=live, now=NOW + timedelta(seconds=50), actor=None)
    beats(viewer, channel, 60)

    assert seconds_of(viewer, campaign) == 50
    assert rows_of(viewer)[-1][1] == Reason.STREAM_OFFLINE


def test_a_streamer_who_opts_out_is_left_by_global_campaigns_only(
    viewer, channel, live, campaign, studio, category
):
    listed = CampaignFactory(organization=studio, category=category)
    AllowedChannelFactory(campaign=listed, channel=channel)
    beats(viewer, channel, 0)
    livestreams.set_opt_out(channel=channel, opted_out=True, now=NOW + timedelta(seconds=30), actor=None)
    beats(viewer, channel, 60)
    livestreams.set_opt_out(channel=channel, opted_out=False, now=NOW + timedelta(seconds=70), actor=None)
    beats(viewer, channel, 120)

    assert (seconds_of(viewer, campaign), seconds_of(viewer, listed)) == (30 + 50, 120)


def test_a_campaign_that_is_withdrawn_counts_until_then(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    campaign.withdrawn_at = NOW + timedelta(seconds=25)
    campaign.save()
    beats(viewer, channel, 60)

    assert seconds_of(viewer, campaign) == 25
    assert rows_of(viewer)[-1][1] == Reason.CAMPAIGN_NOT_LIVE


def test_an_edited_allow_list_counts_for_what_follows(viewer, channel, live, campaign):
    elsewhere = ChannelFactory()
    beats(viewer, channel, 0)
    plan = replace(plan_of(campaign), channels=(elsewhere,))
    change_campaign(campaign=campaign, plan=plan, now=NOW + timedelta(seconds=45), actor=None)
    beats(viewer, channel, 60)

    assert seconds_of(viewer, campaign) == 45
    assert rows_of(viewer)[-1][1] == Reason.NOT_ALLOW_LISTED


def test_a_campaign_without_a_category_counts_any(viewer, channel, studio):
    anything = CampaignFactory(organization=studio, category=None)
    LivestreamFactory(channel=channel, category=None)
    beats(viewer, channel, 0, 60)

    assert seconds_of(viewer, anything) == 60


def test_a_campaign_in_test_mode_counts_for_members_only(viewer, member, channel, live, studio, category):
    tested = CampaignFactory(organization=studio, category=category, test_mode=True)
    for who in (viewer, member):
        beats(who, channel, 0, 60)

    assert (seconds_of(viewer, tested), seconds_of(member, tested)) == (0, 60)
    assert rows_of(viewer) == [("streamer", Reason.TEST_MODE, 0)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"published_at": None}, Reason.CAMPAIGN_NOT_LIVE),
        ({"ends_at": NOW - timedelta(hours=1)}, Reason.CAMPAIGN_NOT_LIVE),
        ({"starts_at": NOW + timedelta(hours=1)}, Reason.CAMPAIGN_NOT_LIVE),
    ],
)
def test_a_campaign_that_is_not_live_counts_nothing(viewer, channel, live, campaign, change, reason):
    for name, value in change.items():
        setattr(campaign, name, value)
    campaign.save()
    beats(viewer, channel, 0, 60)

    assert rows_of(viewer) == [("streamer", reason, 0)]


@pytest.mark.parametrize("change", [{"suspended_at": NOW - timedelta(hours=1)}, {"approved_at": None}])
def test_a_studio_that_is_not_active_has_no_live_campaign(viewer, channel, live, campaign, studio, change):
    type(studio).objects.filter(pk=studio.pk).update(**change)
    beats(viewer, channel, 0, 60)

    assert seconds_of(viewer, campaign) == 0


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


def test_an_hour_that_turns_is_told_apart(viewer, channel, live, campaign):
    beats(viewer, channel, 3560, 3620)

    assert list(WatchHour.objects.order_by("hour").values_list("seconds", "viewers", "new_viewers")) == [
        (40, 1, 1),
        (20, 1, 0),
    ]


def test_who_comes_back_within_the_hour_is_one_viewer(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60, kind=BeatKind.WATCH)
    beats(viewer, channel, 61, kind=BeatKind.GOODBYE)
    beats(viewer, channel, 600, 660)

    assert WatchHour.objects.values_list("seconds", "viewers", "new_viewers").get() == (121, 1, 1)


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
    with django_assert_num_queries(18 + planned):  # progress and hours begin
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
