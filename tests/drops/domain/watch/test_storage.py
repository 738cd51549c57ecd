"""How PostgreSQL stores what every beat writes anew."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection

from drops.domain.watch.beats import Beat
from drops.domain.watch.credit import credit
from drops.models import Progress, WatchHour, WatchInterval
from drops.models.fields import to_ms
from tests.factories import NOW, CampaignFactory, LivestreamFactory, UserFactory
from tests.plans import empty

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

VIEWERS, MINUTES = 600, 8


@pytest.fixture
def _room_in_pages():
    """The tables of the tests are made from the models: what the migration does to them is done here."""
    migration = import_module("drops.migrations.0018_leave_room_in_the_pages_of_watch_time")
    empty(Progress, WatchInterval, WatchHour)
    with connection.schema_editor() as editor:
        migration.leave_room(None, editor)
    yield
    with connection.schema_editor() as editor:
        migration.fill_pages(None, editor)


@pytest.mark.usefixtures("_room_in_pages")
def test_beats_rewrite_rows_where_they_are_and_touch_no_index(studio, category):
    CampaignFactory(organization=studio, category=category)
    channel_id = LivestreamFactory(category=category).channel_id
    viewers = [viewer.pk for viewer in UserFactory.create_batch(VIEWERS)]
    before = {table: updates(table) for table in (Progress, WatchInterval)}

    for minute in range(MINUTES):
        moment = NOW + timedelta(minutes=minute)
        credit([Beat(viewer, channel_id, to_ms(moment)) for viewer in viewers], now=moment)

    for table, (all_before, in_place_before) in before.items():
        all_after, in_place_after = updates(table)
        assert all_after - all_before >= VIEWERS * (MINUTES - 2)
        assert in_place_after - in_place_before >= 0.95 * (all_after - all_before)


def updates(model) -> tuple[int, int]:
    """Rows of the model's table that were updated, and those that were updated in place."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = %s::regclass",
            [model._meta.db_table],
        )
        return cursor.fetchone()
