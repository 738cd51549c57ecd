"""What crediting watch time costs beside the least that it could: upserts of the same rows."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import measure, servers

VIEWERS = 200_000
BATCH = 5_000
CHANNELS = 200
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@measure(floor=0.5, unit="beats/s")
def watch_credit_postgresql() -> tuple[float, float]:
    """Beats credited, beside SQL that only upserts the same session and progress rows."""
    return _credit_beside_upserts("postgresql")


@measure(floor=0.5, unit="beats/s")
def watch_credit_sqlite() -> tuple[float, float]:
    """The same on SQLite."""
    return _credit_beside_upserts("sqlite")


@measure(floor=0.9, unit="beats/s")
def watch_campaigns() -> tuple[float, float]:
    """Beats credited while 200 campaigns are live, of which two match, beside while two are live."""
    with servers.running_database("postgresql") as url:
        servers.set_up_django(database_url=url)
        world = World()
        world.warm_up()
        others = world.add_campaigns(198)
        credits_: dict[bool, float] = {True: 0.0, False: 0.0}
        for beats in itertools.islice(world.batches(), 2 * VIEWERS // BATCH):
            # The same batch for each in turn would earn nothing the second time, so they alternate.
            many = (beats.number // 2 + beats.round) % 2 == 0
            world.let_live(others, many)
            credits_[many] += _seconds(beats.credit)
        return VIEWERS / credits_[True], VIEWERS / credits_[False]


def _credit_beside_upserts(kind: str) -> tuple[float, float]:
    with servers.running_database(kind) as url:
        servers.set_up_django(database_url=url)
        world = World()
        world.warm_up()
        upserts = Upserts(kind, world)
        upserts.warm_up()
        ours = least = 0.0
        for beats in itertools.islice(world.batches(), VIEWERS // BATCH):
            ours += _seconds(beats.credit)
            least += _seconds(lambda beats=beats: upserts.run(beats.viewers, beats.at))
        return VIEWERS / ours, VIEWERS / least


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Batch:
    """One beat of each of BATCH viewers."""

    def __init__(self, viewers: Sequence[int], channels: Sequence[int], at: datetime, number: int) -> None:
        from drops.domain.watch import Beat
        from drops.models.fields import to_ms

        self.viewers, self.at = viewers, at
        self.number = number
        self.round = 0
        # Spread over a second, as beats that were gathered in one are.
        base = to_ms(at)
        self.beats = [
            Beat(viewer, channels[viewer % len(channels)], base + i % 1000)
            for i, viewer in enumerate(viewers)
        ]

    def credit(self) -> None:
        from drops.domain.watch import credit

        result = credit(self.beats, now=self.at)
        assert not result.unknown_viewers


class World:
    """Viewers who watch live channels for which two campaigns count."""

    def __init__(self) -> None:
        from accounts.models import Organization, User
        from drops.models import Campaign, CampaignReward, Category, Channel, Livestream, Reward

        User.objects.bulk_create(
            [User(username=f"u{n}", email=f"u{n}@example.com", password="!") for n in range(VIEWERS)],
            batch_size=BATCH,
        )
        self.viewers = list(User.objects.order_by("pk").values_list("pk", flat=True))
        self.organization = Organization.objects.create(name="Studio", slug="studio", approved_at=NOON)
        self.game, self.other_game = (
            Category.objects.create(name=name, slug=name, organization=self.organization)
            for name in ("game", "other")
        )
        Channel.objects.bulk_create(
            Channel(owner_id=viewer, slug=f"c{viewer}") for viewer in self.viewers[:CHANNELS]
        )
        self.channels = list(Channel.objects.values_list("pk", flat=True))
        Livestream.objects.bulk_create(
            Livestream(channel_id=channel, category=self.game, started_at=NOON - timedelta(days=1))
            for channel in self.channels
        )
        reward = Reward.objects.create(organization=self.organization, category=self.game, name="Hat")
        self.campaigns = [self._campaign(category) for category in (self.game, None)]
        for campaign in self.campaigns:
            CampaignReward.objects.create(campaign=campaign, reward=reward, required_minutes=60, position=1)
        self._rounds = itertools.count()
        assert Campaign.objects.count() == 2

    def _campaign(self, category: Any) -> Any:
        from drops.models import Campaign

        return Campaign.objects.create(
            organization=self.organization,
            name="Campaign",
            category=category,
            announces_at=NOON - timedelta(days=9),
            starts_at=NOON - timedelta(days=9),
            ends_at=NOON + timedelta(days=9),
            closes_at=NOON + timedelta(days=9),
            published_at=NOON - timedelta(days=9),
        )

    def add_campaigns(self, number: int) -> list[str]:
        """Live campaigns that match none of the channels."""
        return [self._campaign(self.other_game).pk for _ in range(number)]

    def let_live(self, campaigns: Sequence[str], live: bool) -> None:
        from drops.models import Campaign

        Campaign.objects.filter(pk__in=campaigns).update(
            published_at=NOON - timedelta(days=9) if live else None
        )

    def batches(self) -> Iterator[Batch]:
        """Each viewer's next beats, a minute apart, for ever."""
        for turn in self._rounds:
            for number, start in enumerate(range(0, VIEWERS, BATCH)):
                at = NOON + timedelta(minutes=turn)
                batch = Batch(self.viewers[start : start + BATCH], self.channels, at, number)
                batch.round = turn
                yield batch

    def warm_up(self) -> None:
        """Two beats of everybody: sessions are open, progress has begun."""
        for batch in itertools.islice(self.batches(), 2 * VIEWERS // BATCH):
            batch.credit()
        self._vacuum()

    def _vacuum(self) -> None:
        from django.db import connection

        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")


class Upserts:
    """The least that crediting must write: a session row and two progress rows for each beat."""

    def __init__(self, kind: str, world: World) -> None:
        from django.db import connection

        self.kind, self.world = kind, world
        self.campaigns = [str(campaign.pk) for campaign in world.campaigns]
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE bench_session"
                " (viewer_id bigint PRIMARY KEY, channel_id bigint, last_beat_at timestamp, seconds integer)"
            )
            cursor.execute(
                "CREATE TABLE bench_progress (viewer_id bigint, campaign_id char(26), seconds integer,"
                " updated_at timestamp, PRIMARY KEY (viewer_id, campaign_id))"
            )

    def warm_up(self) -> None:
        for start in range(0, VIEWERS, BATCH):
            for _ in range(2):
                self.run(self.world.viewers[start : start + BATCH], NOON)
        self.world._vacuum()

    def run(self, viewers: Sequence[int], at: datetime) -> None:
        from django.db import connection, transaction

        channel = self.world.channels[0]
        session = (
            "INSERT INTO bench_session AS s {} ON CONFLICT (viewer_id) DO UPDATE"
            " SET channel_id = excluded.channel_id, last_beat_at = excluded.last_beat_at,"
            " seconds = s.seconds + excluded.seconds"
        )
        progress = (
            "INSERT INTO bench_progress AS p {} ON CONFLICT (viewer_id, campaign_id) DO UPDATE"
            " SET seconds = p.seconds + excluded.seconds, updated_at = excluded.updated_at"
        )
        with transaction.atomic(), connection.cursor() as cursor:
            if self.kind == "postgresql":
                cursor.execute(
                    session.format("SELECT v, %s, %s, 60 FROM unnest(%s::bigint[]) v"),
                    [channel, at, list(viewers)],
                )
                cursor.execute(
                    progress.format("SELECT v, c, 60, %s FROM unnest(%s::bigint[]) v, unnest(%s::text[]) c"),
                    [at, list(viewers), self.campaigns],
                )
            else:
                moment = str(at.replace(tzinfo=None))
                cursor.executemany(
                    session.format("VALUES (%s, %s, %s, 60)"),
                    [(viewer, channel, moment) for viewer in viewers],
                )
                cursor.executemany(
                    progress.format("VALUES (%s, %s, 60, %s)"),
                    [(viewer, campaign, moment) for viewer in viewers for campaign in self.campaigns],
                )
