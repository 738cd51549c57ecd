"""What a studio may learn of a viewer's visits, the figures of a campaign, and what is purged."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.domain.users import delete_account
from drops import tasks
from drops.domain.catalogue import livestreams
from drops.domain.watch import figures, history
from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.models import ChannelState, Livestream, Progress, Reason, WatchHour, WatchInterval
from drops.models.fields import to_ms
from tests.drops.domain.watch import recompute
from tests.factories import (
    NOW,
    AllowedChannelFactory,
    CampaignFactory,
    CampaignRewardFactory,
    CategoryFactory,
    ChannelFactory,
    LivestreamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def beats(viewer, channel, *seconds, kind=BeatKind.WATCH):
    for second in seconds:
        moment = NOW + timedelta(seconds=second)
        credit([Beat(viewer.pk, channel.pk, to_ms(moment), kind)], now=moment)


def look_up(organization, viewer):
    return [
        (entry.campaign.name, entry.visit.channel.slug, entry.reason, entry.seconds)
        for entry in history.look_up(
            organization=organization, viewer_id=viewer.pk, since=NOW - timedelta(days=1)
        )
    ]


def test_a_studio_sees_what_counted_and_why_the_rest_did_not(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60)
    livestreams.go_live(channel=channel, category=None, title="", now=NOW + timedelta(seconds=60), actor=None)
    beats(viewer, channel, 120)

    assert look_up(campaign.organization, viewer) == [
        (campaign.name, "streamer", Reason.WRONG_CATEGORY, 0),
        (campaign.name, "streamer", None, 60),
    ]


def test_a_studio_learns_nothing_of_other_studios_campaigns(viewer, channel, live, campaign, rival_studio):
    CampaignFactory(organization=rival_studio, category=campaign.category, name="Rival's")
    beats(viewer, channel, 0, 60)

    assert look_up(campaign.organization, viewer) == [(campaign.name, "streamer", None, 60)]
    assert look_up(rival_studio, viewer) == [("Rival's", "streamer", None, 60)]


def test_a_studio_learns_nothing_of_a_viewers_time_in_other_games(viewer, campaign):
    elsewhere = LivestreamFactory(category=CategoryFactory()).channel
    offline = ChannelFactory()
    beats(viewer, elsewhere, 0, 60)
    beats(viewer, offline, 300, 360)

    assert WatchInterval.objects.count() == 2
    assert look_up(campaign.organization, viewer) == []


def test_a_studio_sees_why_its_own_channels_did_not_count(viewer, channel, live, studio, category):
    listed = CampaignFactory(organization=studio, category=category, name="Listed")
    AllowedChannelFactory(campaign=listed, channel=channel)
    other = LivestreamFactory(category=category).channel
    beats(viewer, other, 0, 60)
    beats(viewer, channel, 70)

    assert look_up(studio, viewer) == [
        ("Listed", "streamer", None, 0),
        ("Listed", other.slug, Reason.NOT_ALLOW_LISTED, 0),
    ]


def test_a_studio_sees_that_another_channel_had_the_session(viewer, channel, live, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0)
    beats(viewer, other, 10)
    beats(viewer, channel, 60)
    beats(viewer, other, 70)

    assert look_up(campaign.organization, viewer) == [
        (campaign.name, other.slug, Reason.OTHER_STREAM_ACTIVE, 0),
        (campaign.name, "streamer", None, 60),
    ]


def test_the_figures_of_a_campaign_are_those_of_its_rows(channel, live, campaign, category):
    attached = CampaignRewardFactory(campaign=campaign, required_minutes=2)
    other = LivestreamFactory(category=category).channel
    first, second, third = (UserFactory() for _ in range(3))
    beats(first, channel, 0, 60, 120)
    beats(second, channel, 0, 60)
    beats(third, other, 3540, 3660)

    assert figures.totals([campaign]) == {campaign.pk: figures.Totals(seconds=300, viewers=3)}
    assert figures.totals([campaign])[campaign.pk].minutes == 5
    assert figures.by_day(campaign) == [figures.Day(NOW.replace(hour=0), 5, 3)]
    assert figures.by_channel(campaign, limit=1) == [figures.ChannelFigures(channel, 180, 2)]
    assert figures.viewers_qualified(campaign=campaign) == {attached.reward_id: 2}
    assert recompute.watch_hours() == recompute.stored_watch_hours()
    assert recompute.reward_hours() == recompute.stored_reward_hours()


def test_a_campaign_that_nobody_watched_has_figures_too(campaign):
    assert figures.totals([campaign])[campaign.pk] == figures.Totals(0, 0)


def test_old_visits_are_purged_and_what_was_earned_is_kept(viewer, channel, live, campaign, settings):
    settings.WATCH_HISTORY_DAYS = 90
    beats(viewer, channel, 0, 60)
    beats(viewer, channel, 61, kind=BeatKind.GOODBYE)
    livestreams.end_livestream(livestream=live, now=NOW + timedelta(hours=1), actor=None)
    later = NOW + timedelta(days=89)
    new = LivestreamFactory(channel=channel, category=campaign.category, started_at=later)
    moment = to_ms(later + timedelta(seconds=1))
    credit([Beat(viewer.pk, channel.pk, moment)], now=later)

    with time_machine.travel(NOW + timedelta(days=91), tick=False):
        assert tasks.purge_watch_history() == 1

    assert WatchInterval.objects.get().standing.livestream == new
    assert list(ChannelState.objects.values_list("livestream", flat=True).distinct()) == [new.pk]
    assert Progress.objects.get().seconds == 61
    assert WatchHour.objects.get().seconds == 61


def test_each_livestream_knows_how_many_watch_it(viewer, stranger, channel, live, campaign):
    quiet = LivestreamFactory()
    beats(viewer, channel, 0)
    beats(stranger, channel, 100)
    beats(channel.owner, channel, 110)  # a streamer is no viewer of her own stream
    with time_machine.travel(NOW + timedelta(seconds=120), tick=False):
        tasks.count_viewers()
    assert dict(Livestream.objects.values_list("pk", "viewer_count")) == {live.pk: 2, quiet.pk: 0}
    with time_machine.travel(NOW + timedelta(seconds=200), tick=False):
        tasks.count_viewers()
    assert dict(Livestream.objects.values_list("pk", "viewer_count")) == {live.pk: 1, quiet.pk: 0}


def test_viewers_are_counted_once_for_all_livestreams(viewer, channel, live):
    """Not anew for each: streams on air times open visits would be a thousand times a million."""
    with CaptureQueriesContext(connection) as queries:
        livestreams.count_viewers(now=NOW)
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {queries[0]['sql']}")
        plan = str(cursor.fetchall())

    assert len(queries) == 1
    assert "drops_watchinterval" in plan
    assert "CORRELATED" not in plan  # SQLite's word for it
    assert "SubPlan" not in plan  # PostgreSQL's


def test_with_the_account_its_visits_are_forgotten(viewer, stranger, channel, live, campaign):
    for who in (viewer, stranger):
        beats(who, channel, 0, 60)

    delete_account(user=viewer, now=NOW)

    assert WatchInterval.objects.get().viewer == stranger
    assert figures.totals([campaign])[campaign.pk].viewers == 2
