"""What the overview of a campaign costs, as the campaign grows."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

from bench import measure, servers
from bench.api import NOON, World, _uuid

FEW, MANY = 300, 2_000_000
ROUNDS, WARM_UP = 60, 10
CHANNELS, HOURS = 20, 48


@measure(floor=0.85, unit="ms", lower_is_better=True)
def overview_growth() -> tuple[float, float]:
    """The p50 of a campaign's overview with 2,000,000 viewers, who have all claimed, beside with 300: two databases,
    asked in turn."""
    with servers.running_database("postgresql") as url:
        servers.set_up_django(database_url=url, LOG_LEVEL="WARNING", SITE_URL="http://127.0.0.1:8000")
        world = World()
        open_page = _open_page(world)
        _fill_hours(world)
        _fill(world, 0, FEW)
        with_few = world.copied_database("few")
        _fill(world, FEW, MANY)
        with_many = world.database()
        few, many = [], []
        for _ in range(WARM_UP + ROUNDS):
            with_few()
            few.append(_milliseconds(open_page))
            with_many()
            many.append(_milliseconds(open_page))
        return median(many[WARM_UP:]), median(few[WARM_UP:])


def _milliseconds(work: Callable[[], Any]) -> float:
    gc.collect()
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _open_page(world: World) -> Callable[[], None]:
    """The whole of the site's work for one request of an owner."""
    from django.conf import settings
    from django.test import Client
    from django.test.utils import override_settings

    from tests import factories
    from tests.dashboard import sign_in

    # Nobody has collected the static files of this measure.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}).enable()
    owner = factories.MembershipFactory(organization=world.organization).user
    browser = sign_in(Client(SERVER_NAME="127.0.0.1"), owner)
    address = f"/dashboard/campaigns/{world.campaign.pk}/overview/"

    def open_page() -> None:
        answer = browser.get(address)
        assert answer.status_code == 200, answer.status_code

    return open_page


def _fill_hours(world: World) -> None:
    from drops.models import RewardHour, WatchHour
    from fulfillment.models import ClaimHour
    from tests import factories

    of_campaign = {"campaign": world.campaign}
    hours = [NOON + number * timedelta(hours=1) for number in range(HOURS)]
    channels = [factories.ChannelFactory() for _ in range(CHANNELS)]
    WatchHour.objects.bulk_create(
        WatchHour(**of_campaign, channel=channel, hour=hour, seconds=36_000, viewers=90, new_viewers=9)
        for channel in channels
        for hour in hours
    )
    RewardHour.objects.bulk_create(
        RewardHour(**of_campaign, reward=world.reward, channel=channel, hour=hour, qualified=5)
        for channel in channels
        for hour in hours
    )
    ClaimHour.objects.bulk_create(
        ClaimHour(**of_campaign, reward=world.reward, hour=hour, claims=40) for hour in hours
    )


def _fill(world: World, first: int, count: int) -> None:
    """Viewers from the number `first` up to `count`: their watch time, and each one's claim."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "INSERT INTO drops_progress (viewer_id, campaign_id, seconds, test_seconds, created_at, updated_at)"
            " SELECT n + 1000, %s, 3600, 0, %s, %s FROM generate_series(%s::bigint, %s::bigint) AS n",
            [_uuid(world.campaign.pk), NOON, NOON, first, count - 1],
        )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE drops_progress")
    world.fill(count)
