"""Whatever viewers, streamers and studios do, in whatever order: the promises of watch time hold.

Each viewer has two twins. The viewer's beats are credited one by one as they come; the first twin's
are kept back and credited in batches; the second twin's go through a real stream. All three must
end with the same rows, however late the batches are and whatever was changed in between.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from django.test import override_settings
from hypothesis import HealthCheck, settings as hypothesis_settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts.domain import links
from drops.domain.campaigns import lifecycle, plans
from drops.domain.catalogue import livestreams
from drops.domain.watch import stream
from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.domain.watch.terms import Counted
from drops.models import Campaign, Progress, WatchInterval
from drops.models.fields import from_ms, to_ms
from scripts.valkey import running_valkey
from tests.drops.domain.watch import recompute
from tests.factories import (
    NOW,
    AllowedChannelFactory,
    CampaignFactory,
    CampaignRewardFactory,
    CategoryFactory,
    ChannelFactory,
    MembershipFactory,
    OAuthAppFactory,
    RewardFactory,
    UserFactory,
)

VIEWERS = st.integers(0, 2)
CHANNELS = st.integers(0, 2)
KINDS = st.sampled_from([BeatKind.WATCH] * 5 + list(BeatKind))


@pytest.fixture(scope="module", autouse=True)
def redis_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture(autouse=True)
def use_stream(redis_url, settings):
    settings.REDIS_URL = redis_url


class Watching(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rollback = transaction.atomic()
        self.rollback.__enter__()
        self.real = 0  # milliseconds that really passed
        self.clock = to_ms(NOW) + 137
        self.latest = self.clock
        self.stepped_back = self.stepped_on = 0
        self.first: dict[int, tuple[int, int]] = {}
        self.waiting: list[Beat] = []
        self.progress: dict[tuple[int, str], int] = {}
        self.lowered = False
        # Who saw the consent page, who is linked, and how many seconds each counter had when the link was first seen.
        self.visitors: set[int] = set()
        self.linked: set[int] = set()
        self.connected: dict[tuple[int, str], tuple[bool, int | None]] = {}
        # Viewers of one network who may count on a channel in a day. Each twin has networks of its own.
        self.limit = 0
        self.limited = override_settings()

    def teardown(self) -> None:
        try:
            if self.first:
                self.twins_are_alike()
                self.figures_are_those_of_the_rows()
        finally:
            self.limited.disable()
            transaction.set_rollback(True)
            self.rollback.__exit__(None, None, None)

    @initialize(limit=st.sampled_from([0, 1, 2]))
    def world(self, limit: int) -> None:
        self.limit = limit
        self.limited = override_settings(WATCH_NETWORK_VIEWERS=limit)
        self.limited.enable()
        self.app = OAuthAppFactory()
        studio = self.app.organization
        games = [CategoryFactory(organization=studio), CategoryFactory(organization=studio), None]
        self.categories = games
        self.viewers = [UserFactory() for _ in range(9)]
        MembershipFactory(organization=studio, user=self.viewers[0])
        MembershipFactory(organization=studio, user=self.viewers[3])
        MembershipFactory(organization=studio, user=self.viewers[6])
        self.channels = [ChannelFactory() for _ in range(3)]
        for channel in self.channels:
            livestreams.go_live(
                channel=channel, category=games[0], title="", now=NOW - timedelta(hours=2), actor=None
            )
        common = {"organization": studio, "published_at": NOW - timedelta(days=9)}
        self.campaigns = [
            CampaignFactory(**common, category=games[0]),
            CampaignFactory(**common, category=None, ends_at=NOW + timedelta(seconds=200, milliseconds=400)),
            CampaignFactory(**common, category=games[1], starts_at=NOW + timedelta(seconds=90)),
            CampaignFactory(**common, category=games[0], test_mode=True),
        ]
        listed = CampaignFactory(**common, category=games[0])
        AllowedChannelFactory(campaign=listed, channel=self.channels[0])
        self.campaigns.append(listed)
        for campaign in self.campaigns:
            CampaignRewardFactory(campaign=campaign, required_minutes=1, reward__category=games[0])
            CampaignRewardFactory(campaign=campaign, required_minutes=3, reward__category=games[0])
        stream.client(pytest_redis_url()).flushdb()

    @property
    def now(self):
        return from_ms(self.clock)

    @rule(ms=st.one_of(st.integers(0, 3_000), st.integers(20_000, 70_000), st.integers(140_000, 400_000)))
    def time_passes(self, ms: int) -> None:
        self.real += ms
        self.clock += ms
        self.latest = max(self.latest, self.clock)

    @rule(ms=st.integers(3_500_000, 9_000_000))
    def hours_pass(self, ms: int) -> None:
        self.time_passes(ms)

    @rule()
    def a_minute_passes(self) -> None:
        self.time_passes(60_000)

    @precondition(lambda self: self.first)
    @rule(ms=st.integers(1, 300_000))
    def the_clock_steps_back(self, ms: int) -> None:
        self.clock -= ms
        self.stepped_back += ms

    @precondition(lambda self: self.first)
    @rule(ms=st.integers(1, 100_000))
    def the_clock_steps_on(self, ms: int) -> None:
        self.clock += ms
        self.stepped_on += ms
        self.latest = max(self.latest, self.clock)

    @rule(
        viewer=VIEWERS,
        channel=CHANNELS,
        kind=KINDS,
        player=st.integers(0, 2),
        times=st.integers(1, 2),
        said=st.booleans(),
    )
    def beat(self, viewer: int, channel: int, kind: BeatKind, player: int, times: int, said: bool) -> None:
        live = self.channels[channel].livestreams.order_by("-pk").first()
        for _ in range(times):  # twice: a replay
            for twin in (0, 3, 6):
                who = self.viewers[viewer + twin].pk
                livestream = live.pk if said else 0
                network = twin + 1
                sent = Beat(
                    who, self.channels[channel].pk, self.clock, kind, livestream, player, network=network
                )
                if twin == 0:
                    credit([sent], now=self.now)
                elif twin == 3:
                    self.waiting.append(sent)
                elif not self.stepped_back:
                    connection = stream.client(pytest_redis_url())
                    key = stream.key(stream.partition_of(who))
                    connection.xadd(key, stream._pack(sent), id=f"{self.clock}-*")
                self.first.setdefault(who, (self.real, self.clock))

    @rule()
    def the_batch_is_credited(self) -> None:
        credit(self.waiting, now=self.now)
        self.waiting = []

    @rule()
    def the_stream_is_credited(self) -> None:
        stream.credit_all(now=lambda: self.now)

    def something_changes(self) -> None:
        """Before or after a beat, never in the same millisecond: there would be no telling which."""
        self.time_passes(1)

    @precondition(lambda self: not self.stepped_back)
    @rule(channel=CHANNELS, category=st.integers(0, 2))
    def the_streamer_changes_category(self, channel: int, category: int) -> None:
        self.something_changes()
        livestreams.go_live(
            channel=self.channels[channel],
            category=self.categories[category],
            title="",
            now=self.now,
            actor=None,
        )

    @precondition(lambda self: not self.stepped_back)
    @rule(channel=CHANNELS)
    def the_stream_ends(self, channel: int) -> None:
        self.something_changes()
        live = self.channels[channel].livestreams.filter(ended_at=None).first()
        if live:
            livestreams.end_livestream(livestream=live, now=self.now, actor=None)

    @precondition(lambda self: not self.stepped_back)
    @rule(channel=CHANNELS, opted_out=st.booleans())
    def the_streamer_opts_out(self, channel: int, opted_out: bool) -> None:
        self.something_changes()
        livestreams.set_opt_out(channel=self.channels[channel], opted_out=opted_out, now=self.now, actor=None)

    @precondition(lambda self: not self.stepped_back)
    @rule(index=st.integers(0, 4))
    def a_campaign_is_withdrawn(self, index: int) -> None:
        self.something_changes()
        campaign = self.campaigns[index]
        if campaign.ends_at > self.now:
            lifecycle.withdraw_campaign(campaign=campaign, now=self.now, actor=None)

    @precondition(lambda self: not self.stepped_back)
    @rule(channels=st.sets(CHANNELS))
    def the_allow_list_changes(self, channels: set[int]) -> None:
        self.change(self.campaigns[4], channels=tuple(self.channels[i] for i in sorted(channels)))

    def change(self, campaign: Campaign, **changes: object) -> None:
        self.something_changes()
        campaign.refresh_from_db()
        if campaign.withdrawn_at is None and campaign.ends_at > self.now:
            lifecycle.amend_campaign(campaign=campaign, changes=changes, now=self.now, actor=None)

    @precondition(lambda self: not self.stepped_back)
    @rule()
    def test_mode_ends(self) -> None:
        self.change(self.campaigns[3], test_mode=False)

    @precondition(lambda self: not self.stepped_back)
    @rule(index=st.integers(0, 4), minutes=st.integers(1, 3), more=st.booleans())
    def rewards_take_fewer_minutes(self, index: int, minutes: int, more: bool) -> None:
        """All of them, or there is one more."""
        campaign = self.campaigns[index]
        present = plans.plan_of(campaign).rewards
        rewards = [
            entry if more else entry._replace(required_minutes=min(minutes, entry.required_minutes))
            for entry in present
        ]
        if more and len(rewards) < 4:
            another = RewardFactory(organization=campaign.organization, category=self.categories[0])
            rewards.append(plans.RewardPlan(another, minutes, len(rewards) + 1))
        self.lowered = True
        self.change(campaign, rewards=tuple(rewards))

    @precondition(lambda self: not self.stepped_back)
    @rule(viewer=st.integers(0, 8), how=st.sampled_from(["see", "link", "unlink"]))
    def a_viewer_connects(self, viewer: int, how: str) -> None:
        who = self.viewers[viewer]
        if how == "see":
            links.note_consent_page(viewer=who, app=self.app, now=self.now)
            self.visitors.add(who.pk)
        elif how == "link":
            links.link(viewer=who, app=self.app, now=self.now)
            self.linked.add(who.pk)
        else:
            links.unlink(viewer=who, organization=self.app.organization, now=self.now)
            self.linked.discard(who.pk)
        counters = recompute.stored_progress()
        for key, (_, before) in self.connected.items():
            if key[0] == who.pk and how != "unlink":
                now = counters.get((key[0], Counted(key[1], False)), 0)
                self.connected[key] = (True, now if how == "link" and before is None else before)

    @invariant()
    def counters_know_who_connected(self) -> None:
        rows = Progress.objects.values_list("viewer", "campaign", "saw_connect_page", "seconds_when_linked")
        found = {(viewer, campaign): connected for viewer, campaign, *connected in rows}
        for key in found.keys() - self.connected.keys():
            is_linked = key[0] in self.linked
            self.connected[key] = (is_linked or key[0] in self.visitors, 0 if is_linked else None)
        assert {key: tuple(connected) for key, connected in found.items()} == self.connected

    @invariant()
    def nobody_earns_more_than_the_time_that_passed(self) -> None:
        credited = (
            WatchInterval.objects.filter(reason="").values_list("viewer").annotate(Sum("credited_seconds"))
        )
        for viewer_id, seconds in credited:
            real, clock = self.first[viewer_id]
            assert seconds * 1000 <= self.latest - clock
            assert seconds * 1000 <= self.real - real + self.stepped_on

    @invariant()
    def progress_never_falls(self) -> None:
        progress = {
            (viewer_id, campaign_id): seconds
            for viewer_id, campaign_id, seconds in Progress.objects.values_list(
                "viewer", "campaign", "seconds"
            )
        }
        for key, seconds in self.progress.items():
            assert progress[key] >= seconds
        self.progress = progress

    @invariant()
    def no_counted_time_overlaps(self) -> None:
        end: defaultdict[int, object] = defaultdict(lambda: NOW - timedelta(days=1))
        for viewer_id, start, stop in (
            WatchInterval.objects.filter(reason="")
            .order_by("viewer", "started_at", "last_beat_at")
            .values_list("viewer", "started_at", "last_beat_at")
        ):
            assert start >= end[viewer_id]
            end[viewer_id] = stop

    def figures_are_those_of_the_rows(self) -> None:
        assert recompute.progress() == recompute.stored_progress()
        assert recompute.watch_hours() == recompute.stored_watch_hours()
        assert recompute.uncounted() == recompute.stored_uncounted()
        assert recompute.uncounted_on_channels() == recompute.stored_uncounted_on_channels()
        assert recompute.moves() == recompute.stored_moves()
        assert recompute.pairs() == recompute.stored_pairs()
        assert recompute.qualified() == recompute.stored_qualified()
        assert recompute.connected() == recompute.stored_connected()
        assert recompute.marks() == recompute.stored_marks()
        if (
            not self.lowered
        ):  # else a viewer may have reached a reward in an hour in which nothing was watched
            assert recompute.reward_hours() == recompute.stored_reward_hours()
        networks = recompute.network_days(self.network_of)
        assert networks == recompute.stored_network_days()
        assert recompute.channel_days(networks) == recompute.stored_channel_days()

    def network_of(self, viewer_id: int) -> int:
        return next(index // 3 * 3 + 1 for index, viewer in enumerate(self.viewers) if viewer.pk == viewer_id)

    @invariant()
    def no_network_has_more_viewers_than_may_count(self) -> None:
        if self.limit and self.first:
            assert max(recompute.network_days(self.network_of).values(), default=0) <= self.limit

    def twins_are_alike(self) -> None:
        self.the_batch_is_credited()
        assert self.rows_of(0) == self.rows_of(3)
        if not self.stepped_back:
            self.the_stream_is_credited()
            if not self.limit:  # whoever comes first counts, and partitions are credited in any order
                assert self.rows_of(0) == self.rows_of(6)

    def rows_of(self, twin: int) -> list[tuple[object, ...]]:
        viewers = {viewer.pk: i for i, viewer in enumerate(self.viewers[twin : twin + 3])}
        rows = WatchInterval.objects.filter(viewer__in=viewers).values_list(
            "viewer",
            "started_at",
            "last_beat_at",
            "channel",
            "standing",
            "reason",
            "visit_started_at",
            "credited_seconds",
            "player",
            "is_open",
        )
        progress = Progress.objects.filter(viewer__in=viewers).values_list(
            "viewer", "campaign", "seconds", "test_seconds"
        )
        return sorted((viewers[row[0]], *row[1:]) for row in rows) + sorted(
            (viewers[row[0]], *row[1:]) for row in progress
        )


def pytest_redis_url() -> str:
    from django.conf import settings

    return settings.REDIS_URL


Watching.TestCase.settings = hypothesis_settings(
    max_examples=int(os.environ.get("WATCH_EXAMPLES", "25")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestWatching = pytest.mark.django_db(Watching.TestCase)
