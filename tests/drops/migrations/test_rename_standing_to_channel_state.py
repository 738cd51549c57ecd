"""Watch time keeps the channel's state, and the campaigns that it counted for."""

from __future__ import annotations

from drops.models import Campaign, Channel, ChannelState, Livestream
from tests.drops.domain.watch.crediting import beats


def test_campaigns_that_counted_are_kept(
    migrate, viewer, channel: Channel, live: Livestream, campaign: Campaign
) -> None:
    beats(viewer, channel, 0, 60)
    state = ChannelState.objects.get()

    migrate("drops", "0002_name_fields")
    migrate()

    assert list(ChannelState.objects.values_list("pk", "campaigns")) == [(state.pk, campaign.pk)]
    assert viewer.watch_intervals.get().standing == state
