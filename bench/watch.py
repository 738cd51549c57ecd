"""What crediting watch time costs beside the least that it could: upserts of the same rows."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Sequence
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
        with_many = with_two = 0.0
        for number in range(VIEWERS // BATCH):
            world.let_live(others, True)
            with_many += seconds(world.batch(number).credit)
            world.let_live(others, False)
            with_two += seconds(world.batch(number).credit)
        return VIEWERS / with_many, VIEWERS / with_two


def _credit_beside_upserts(kind: str) -> tuple[float, float]:
    """Both work on the same rows of the same tables: in turn, each viewer's next minute."""
    with servers.running_database(kind) as url:
        servers.set_up_django(database_url=url)
        world = World()
        world.warm_up()
        ours = least = 0.0
        for number in range(VIEWERS // BATCH):
            ours += seconds(world.batch(number).credit)
            least += seconds(world.batch(number).upsert)
        return VIEWERS / ours, VIEWERS / least


def seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Batch:
    """One beat of each of BATCH viewers."""

    def __init__(self, world: World, viewers: Sequence[int], at: datetime) -> None:
        from drops.domain.watch.beats import Beat
        from drops.models.fields import to_ms

        self.world, self.viewers, self.at = world, viewers, at
        # Spread over a second, as beats that were gathered in one are.
        start = to_ms(at)
        self.beats = [
            Beat(viewer, world.channel_of(viewer), start + number % 1000, network=viewer)
            for number, viewer in enumerate(viewers)
        ]

    def credit(self) -> None:
        from drops.domain.watch.credit import credit

        result = credit(self.beats, now=self.at)
        assert result.seconds or self.at == NOON

    def upsert(self) -> None:
        """The least that crediting must write: a session row and two progress rows for each beat."""
        from django.db import connection, transaction

        session = (
            "INSERT INTO drops_watchinterval AS s (viewer_id, channel_id, standing_id, reason, visit_started_at,"
            " started_at, last_beat_at, credited_seconds, player, is_open)"
            " {} ON CONFLICT (viewer_id, channel_id) WHERE is_open DO UPDATE"
            " SET last_beat_at = excluded.last_beat_at,"
            " credited_seconds = s.credited_seconds + excluded.credited_seconds"
        )
        progress = (
            "INSERT INTO drops_progress AS p (viewer_id, campaign_id, seconds, test_seconds, created_at, updated_at)"
            " {} ON CONFLICT (viewer_id, campaign_id) DO UPDATE"
            " SET seconds = p.seconds + excluded.seconds, updated_at = excluded.updated_at"
        )
        standing = self.world.standing
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    session.format(
                        "SELECT v, c, %s, '', m, m, m, 60, 0, true"
                        " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS u(v, c, m)"
                    ),
                    [standing, *map(list, zip(*(beat[:3] for beat in self.beats), strict=True))],
                )
                cursor.execute(
                    progress.format(
                        "SELECT v, c, 60, 0, %s, %s FROM unnest(%s::bigint[]) v, unnest(%s::uuid[]) c"
                    ),
                    [self.at, self.at, self.viewers, self.world.campaign_keys],
                )
            else:
                moment = str(self.at.replace(tzinfo=None))
                cursor.executemany(
                    session.format("VALUES (%s, %s, %s, '', %s, %s, %s, 60, 0, true)"),
                    [
                        (beat.viewer_id, beat.channel_id, standing, beat.at, beat.at, beat.at)
                        for beat in self.beats
                    ],
                )
                cursor.executemany(
                    progress.format("VALUES (%s, %s, 60, 0, %s, %s)"),
                    [
                        (viewer, campaign, moment, moment)
                        for viewer in self.viewers
                        for campaign in self.world.campaign_keys
                    ],
                )


class World:
    """Viewers who watch live channels for which two campaigns count."""

    def __init__(self, number: int = VIEWERS, batch: int = BATCH) -> None:
        from accounts.models import Organization, User
        from drops.models import CampaignReward, Category, Channel, Livestream, Reward

        User.objects.bulk_create(
            [User(username=f"u{n}", email=f"u{n}@example.com", password="!") for n in range(number)],
            batch_size=BATCH,
        )
        viewers = list(User.objects.order_by("pk").values_list("pk", flat=True))
        self.organization = Organization.objects.create(name="Studio", slug="studio", approved_at=NOON)
        self.game, self.other_game = (
            Category.objects.create(name=name, slug=name, organization=self.organization)
            for name in ("game", "other")
        )
        Channel.objects.bulk_create(
            Channel(owner_id=viewer, slug=f"c{viewer}") for viewer in viewers[:CHANNELS]
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
        # Beats come in no order.
        random.Random(1).shuffle(viewers)
        self._groups = [viewers[start : start + batch] for start in range(0, number, batch)]
        self._turns = [0] * len(self._groups)
        self.minute = timedelta(minutes=1)

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

    def channel_of(self, viewer: int) -> int:
        return self.channels[viewer % CHANNELS]

    def batch(self, number: int) -> Batch:
        """The next minute of one group of viewers."""
        at = NOON + self._turns[number] * self.minute
        self._turns[number] += 1
        return Batch(self, self._groups[number], at)

    def warm_up(self) -> None:
        """Two beats of everybody: sessions are open, progress has begun."""
        from django.db import connection

        from drops.models import Campaign, ChannelState

        for number in 2 * list(range(len(self._groups))):
            self.batch(number).credit()
        self.standing = ChannelState.objects.values_list("pk", flat=True)[0]
        self.campaign_keys = [
            Campaign._meta.pk.get_db_prep_value(campaign.pk, connection) for campaign in self.campaigns
        ]
        self._vacuum()
        # As the worker does: what was there before is not looked at again and again.
        gc.collect()
        gc.freeze()

    def _vacuum(self) -> None:
        from django.db import connection

        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")
