"""From which channel to which one viewers went on."""

from __future__ import annotations

import pytest

from drops.domain.watch.beats import BeatKind
from drops.models import Campaign, Channel, ChannelMove
from tests.drops.domain.watch.crediting import beats
from tests.factories import ChannelFactory, LivestreamFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(campaign: Campaign) -> Channel:
    channel = ChannelFactory()
    LivestreamFactory(channel=channel, category=campaign.category)
    return channel


def moves() -> list[tuple[str, str, int]]:
    return list(
        ChannelMove.objects.order_by("pk").values_list("from_channel__slug", "to_channel__slug", "moves")
    )


def test_who_goes_on_elsewhere_moves(viewer, stranger, channel, other, live, campaign) -> None:
    for person in (viewer, stranger):
        beats(person, channel, 0, 60)
        beats(person, channel, 61, kind=BeatKind.GOODBYE)
        beats(person, other, 600, 660)
    assert moves() == [(channel.slug, other.slug, 2)]
    assert ChannelMove.objects.get().campaign == campaign
    beats(viewer, channel, 700, kind=BeatKind.SWITCH)
    assert moves() == [(channel.slug, other.slug, 2), (other.slug, channel.slug, 1)]


def test_who_comes_back_to_the_channel_or_after_an_hour_does_not_move(
    viewer, channel, other, live, campaign
) -> None:
    beats(viewer, channel, 0, 60)
    beats(viewer, channel, 61, kind=BeatKind.GOODBYE)
    beats(viewer, channel, 600, 660)
    beats(viewer, channel, 661, kind=BeatKind.GOODBYE)
    beats(viewer, other, 661 + 3_601)
    assert moves() == []


def test_what_was_watched_in_test_mode_moves_nobody(member, channel, other, live, campaign) -> None:
    Campaign.objects.update(test_mode=True)
    beats(member, channel, 0, 60)
    beats(member, other, 61, kind=BeatKind.SWITCH)
    assert moves() == []
