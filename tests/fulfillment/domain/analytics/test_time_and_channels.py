"""What campaigns brought over time, by channel, and what did not count: each figure is that of the raw rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from drops.domain.catalogue import livestreams
from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.models import Campaign, Channel, FormerCategory, Livestream, WatchHour
from drops.models.fields import to_ms
from fulfillment.domain.analytics import uncounted
from fulfillment.domain.analytics.channels import channel_numbers, live_seconds, moves_of, never_live
from fulfillment.domain.analytics.over_time import (
    campaign_before,
    days_of,
    figures,
    hours_of,
    midnight_of,
    streams_started,
)
from tests import factories
from tests.drops.domain.watch import recompute
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN, KATHMANDU, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Apia")


class World:
    """Two campaigns of one studio, of which one lists a channel; three channels and four viewers, one of them the
    studio's own member."""

    def __init__(self) -> None:
        studio = factories.OrganizationFactory()
        self.games = [factories.CategoryFactory(organization=studio) for _ in range(2)]
        common = {"organization": studio, "starts_at": NOW - 2 * DAY, "ends_at": NOW + 20 * DAY}
        self.campaign = factories.CampaignFactory(**common, category=self.games[0])
        self.listed = factories.CampaignFactory(**common, category=self.games[1])
        self.channels = [
            factories.LivestreamFactory(category=self.games[0], started_at=NOW - HOUR).channel
            for _ in range(3)
        ]
        for channel in self.channels[:2]:
            factories.AllowedChannelFactory(campaign=self.listed, channel=channel)
        for campaign in (self.campaign, self.listed):
            factories.CampaignRewardFactory(campaign=campaign, required_minutes=2)
        self.viewers = [factories.UserFactory() for _ in range(4)]

    def run(self, steps: list[tuple[int, int, int, int]]) -> datetime:
        at = NOW
        for minutes, viewer, channel, game in steps:
            at += timedelta(minutes=minutes, seconds=7)
            where = self.channels[channel]
            if game < 2:
                livestreams.go_live(channel=where, category=self.games[game], title="", now=at, actor=None)
            elif game == 2 and (live := where.livestreams.filter(ended_at=None).first()):
                livestreams.end_livestream(livestream=live, now=at, actor=None)
            at += timedelta(milliseconds=1)
            kind = BeatKind.SWITCH if game == 3 else BeatKind.WATCH
            credit([Beat(self.viewers[viewer].pk, where.pk, to_ms(at), kind)], now=at)
        return at


STEPS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 2), st.integers(20, 90), st.integers(600, 1500)),
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(0, 7),
    ),
    max_size=40,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, zone=st.sampled_from([UTC, BERLIN, KATHMANDU, APIA]))
def test_figures_are_those_of_the_rows(steps: list[tuple[int, int, int, int]], zone: tzinfo) -> None:
    world = World()
    last = world.run(steps)
    ours = {world.campaign.pk, world.listed.pk}
    for campaign in (world.campaign, world.listed):
        by_period(campaign, days_of(NOW - DAY, last, zone), last)
        by_period(campaign, hours_of(midnight_of(last, zone)), last)
        by_channel(campaign)
        what_did_not_count(campaign)
    assert {key: value for key, value in recompute.uncounted().items() if key[0] in ours} == {
        key: value for key, value in recompute.stored_uncounted().items() if key[0] in ours
    }


def by_period(campaign: Campaign, periods: list[tuple[datetime, datetime]], now: datetime) -> None:
    """`new_viewers` and `viewers` by the intervals, `qualified` by the counters."""
    (found,) = figures((campaign, periods), now=now)
    assert [(each.start, each.end) for each in found] == periods
    earned = [row for row in recompute.earned() if row[1] == (campaign.pk, False)]
    reached = recompute.reward_hours()
    known: set[int] = set()
    seconds, new = defaultdict(int), defaultdict(int)
    for viewer, _, _, hour, earned_seconds in earned:
        seconds[hour] += earned_seconds
        if viewer not in known:
            known.add(viewer)
            new[hour] += 1
    for period in found:
        within = {hour for hour in seconds if period.start <= hour < period.end}
        assert period.seconds == sum(seconds[hour] for hour in within)
        assert period.new_viewers == sum(new[hour] for hour in within)
        different = [{row[0] for row in earned if row[3] == hour} for hour in within]
        assert period.viewers == max(map(len, different), default=0)
        assert period.qualified == sum(
            viewers
            for (counted, _reward, _channel, hour), viewers in reached.items()
            if counted == (campaign.pk, False) and period.start <= hour < period.end
        )
        passed = (min(period.end, now) - period.start).total_seconds()
        assert period.at_a_time == (period.seconds / passed if passed > 0 else None)


def by_channel(campaign: Campaign) -> None:
    hours = {
        (channel, hour): figures
        for (counted, channel, hour), figures in recompute.watch_hours().items()
        if counted == (campaign.pk, False)
    }
    reached: defaultdict[int, int] = defaultdict(int)
    for (counted, _reward, channel, _hour), viewers in recompute.reward_hours().items():
        if counted == (campaign.pk, False):
            reached[channel] += viewers
    total = sum(each[0] for each in hours.values())
    rows = channel_numbers(campaign)
    assert {row.channel_id for row in rows} == {channel for channel, _ in hours}
    for row in rows:
        those = [each for (channel, _), each in hours.items() if channel == row.channel_id]
        assert row.seconds == sum(each[0] for each in those)
        assert row.share == row.seconds / total
        assert row.best_hour == max(each[1] for each in those)
        assert row.new_viewers == sum(each[2] for each in those)
        assert row.hours == len(those)
        assert row.reached == reached[row.channel_id]
    moves = {key[1:]: times for key, times in recompute.moves().items() if key[0] == campaign.pk}
    for row in rows:
        came, went = moves_of(campaign, Channel(pk=row.channel_id), limit=9)
        assert {(move.channel.pk, row.channel_id): move.moves for move in came} == {
            key: times for key, times in moves.items() if key[1] == row.channel_id
        }
        assert {(row.channel_id, move.channel.pk): move.moves for move in went} == {
            key: times for key, times in moves.items() if key[0] == row.channel_id
        }


def what_did_not_count(campaign: Campaign) -> None:
    rows = {key: seconds for key, seconds in recompute.uncounted().items() if key[0] == campaign.pk}
    by_reason: defaultdict[str, int] = defaultdict(int)
    by_channel: defaultdict[int, int] = defaultdict(int)
    for (_, channel, _, reason), seconds in rows.items():
        by_reason[reason] += seconds
        by_channel[channel] += seconds
    assert uncounted.by_reason(campaign) == by_reason
    assert {channel: seconds for channel, seconds, _ in uncounted.by_channel(campaign)} == by_channel


def test_days_are_as_long_as_they_are_where_clocks_change() -> None:
    (day,) = days_of(datetime(2026, 10, 25, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC), BERLIN)
    assert day[1] - day[0] == 25 * HOUR
    assert len(hours_of(midnight_of(datetime(2026, 10, 25, 12, tzinfo=UTC), BERLIN))) == 25
    assert len(hours_of(midnight_of(datetime(2026, 3, 29, 12, tzinfo=UTC), BERLIN))) == 23


def test_an_hour_belongs_to_the_day_in_which_it_begins_where_clocks_differ_by_half_hours() -> None:
    (first, _), *_, (_, last) = hours_of(midnight_of(NOW, KATHMANDU))
    assert (first.astimezone(KATHMANDU).minute, last - first) == (45, 24 * HOUR)


def test_what_was_not_counted_yet_is_not_known() -> None:
    row = factories.CampaignFactory()
    channel = factories.ChannelFactory()
    WatchHour.objects.create(campaign=row, channel=channel, hour=NOW, seconds=60, new_to_hour=None)
    WatchHour.objects.create(campaign=row, channel=channel, hour=NOW + HOUR, seconds=60, new_to_hour=7)
    hours = [(NOW, NOW + HOUR), (NOW + HOUR, NOW + 2 * HOUR)]
    (found,) = figures((row, hours), now=NOW + DAY)
    assert [period.viewers for period in found] == [None, 7]
    (day,) = figures((row, [(NOW, NOW + DAY)]), now=NOW + DAY)
    assert day[0].viewers is None


def test_the_campaign_before_is_the_latest_public_one_of_the_same_studio() -> None:
    campaign = factories.CampaignFactory()
    studio = campaign.organization
    start = campaign.starts_at
    factories.CampaignFactory(starts_at=start - HOUR)
    factories.CampaignFactory(organization=studio, starts_at=start - HOUR, test_mode=True)
    factories.CampaignFactory(organization=studio, starts_at=start - HOUR, published_at=None)
    factories.CampaignFactory(organization=studio, starts_at=start - 3 * DAY)
    assert campaign_before(campaign).starts_at == start - 3 * DAY
    factories.CampaignFactory(organization=studio, starts_at=start - DAY)
    assert campaign_before(campaign).starts_at == start - DAY


def test_the_streams_that_started_are_those_of_the_channels_with_most_watch_time() -> None:
    campaign = factories.CampaignFactory()
    streams = [factories.LivestreamFactory(started_at=NOW + n * HOUR) for n in range(3)]
    for stream, seconds in zip(streams, (60, 180, 120), strict=True):
        WatchHour.objects.create(campaign=campaign, channel=stream.channel, hour=NOW, seconds=seconds)
    found = streams_started(campaign, since=NOW, until=NOW + DAY, channels=2)
    assert found == streams[1:]


def test_live_time_is_of_the_category_and_of_the_time_in_which_the_campaign_ran() -> None:
    world = World()
    Livestream.objects.all().delete()
    campaign, (one, other, absent) = world.campaign, world.channels
    for channel in world.channels:
        factories.AllowedChannelFactory(campaign=campaign, channel=channel)
    start = campaign.starts_at
    stream = factories.LivestreamFactory(
        channel=one, category=world.games[1], started_at=start - HOUR, ended_at=start + 5 * HOUR
    )
    FormerCategory.objects.create(livestream=stream, category=world.games[1], until=start + HOUR)
    FormerCategory.objects.create(livestream=stream, category=world.games[0], until=start + 3 * HOUR)
    factories.LivestreamFactory(channel=other, category=world.games[0], started_at=start + HOUR)
    factories.LivestreamFactory(channel=absent, category=world.games[1], started_at=start + HOUR)
    now = start + 6 * HOUR
    asked = [channel.pk for channel in world.channels]
    assert live_seconds(campaign, asked, now=now) == {one.pk: 2 * 3600, other.pk: 5 * 3600}
    assert [entry.channel for entry in never_live(campaign, now=now)] == [absent]


def test_listed_channels_in_the_wrong_category_are_told_when_they_lost_an_hour() -> None:
    world = World()
    campaign, (one, _, foreign) = world.listed, world.channels
    viewers = [factories.UserFactory() for _ in range(30)]
    for minute in (0, 1, 2):
        at = NOW + timedelta(minutes=minute)
        beats = [Beat(each.pk, one.pk, to_ms(at)) for each in viewers]
        beats += [Beat(each.pk, foreign.pk, to_ms(at)) for each in world.viewers]
        credit(beats, now=at)
    lost = [(campaign.pk, one.slug, 60)]
    assert uncounted.lost_today([campaign, world.campaign], since=NOW) == lost
    assert uncounted.lost_today([campaign], since=NOW + HOUR) == uncounted.lost_today([], since=NOW) == []
