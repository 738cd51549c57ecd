"""Watch time keeps the channel's state, and the campaigns that it counted for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from drops.models import Campaign, Channel, ChannelState, Livestream
from tests.drops.domain.watch.crediting import beats

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(name: str | None = None) -> None:
    executor = MigrationExecutor(connection)
    # Migrations of the other apps may depend on those of drops, so all of them are applied again.
    executor.migrate([("drops", name)] if name else executor.loader.graph.leaf_nodes())


@pytest.fixture
def _at_the_end_the_newest() -> Iterator[None]:
    yield
    migrate()


@pytest.mark.usefixtures("_at_the_end_the_newest")
def test_campaigns_that_counted_are_kept(viewer, channel: Channel, live: Livestream, campaign: Campaign) -> None:
    beats(viewer, channel, 0, 60)
    state = ChannelState.objects.get()

    migrate("0002_name_fields")
    migrate()

    assert list(ChannelState.objects.values_list("pk", "campaigns")) == [(state.pk, campaign.pk)]
    assert viewer.watch_intervals.get().standing == state
