"""What viewers watched that did not count: for which campaign, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drops.domain.catalogue import livestreams
from drops.domain.watch.beats import Beat
from drops.domain.watch.credit import credit
from drops.models import Campaign, Channel, ChannelUncountedHour, Reason, UncountedHour
from drops.models.fields import to_ms
from tests.drops.domain.watch.crediting import beats
from tests.factories import NOW, AllowedChannelFactory, CampaignFactory, CategoryFactory, UserFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def lost(campaign: Campaign) -> list[tuple[str, int]]:
    rows = UncountedHour.objects.filter(campaign=campaign).order_by("hour", "reason")
    return [(row.reason, row.seconds) for row in rows]


def on_channel(channel: Channel) -> list[tuple[str, int]]:
    rows = ChannelUncountedHour.objects.filter(channel=channel).order_by("hour", "reason")
    return [(row.reason, row.seconds) for row in rows]


@pytest.fixture
def listed(campaign: Campaign, channel: Channel) -> Campaign:
    """A campaign of another category that counts on `channel` alone."""
    other = CampaignFactory(
        organization=campaign.organization, category=CategoryFactory(organization=campaign.organization)
    )
    AllowedChannelFactory(campaign=other, channel=channel)
    return other


def test_a_listed_channel_in_another_category_loses_time_even_where_it_counts_for_others(
    viewer, stranger, channel, live, campaign, listed
) -> None:
    beats(viewer, channel, 0, 60, 120)
    beats(stranger, channel, 0, 30)
    assert lost(listed) == [(Reason.WRONG_CATEGORY, 150)]
    assert lost(campaign) == on_channel(channel) == []


def test_what_is_steady_is_counted_as_what_is_not(viewer, channel, live, campaign, listed) -> None:
    viewers = [viewer, *(UserFactory() for _ in range(9))]
    for second in (0, 60, 120):
        at = NOW + timedelta(seconds=second)
        credit([Beat(each.pk, channel.pk, to_ms(at)) for each in viewers], now=at)
    assert lost(listed) == [(Reason.WRONG_CATEGORY, 1200)]


def test_a_wrong_category_is_told_by_the_second_it_began_and_by_the_hour(
    viewer, channel, live, campaign
) -> None:
    AllowedChannelFactory(campaign=campaign, channel=channel)
    beats(viewer, channel, 3_500)
    livestreams.go_live(
        channel=channel,
        category=CategoryFactory(organization=campaign.organization),
        title="",
        now=NOW + timedelta(seconds=3_530),
        actor=None,
    )
    beats(viewer, channel, 3_560, 3_620)
    assert lost(campaign) == [(Reason.WRONG_CATEGORY, 70), (Reason.WRONG_CATEGORY, 20)]
    assert on_channel(channel) == [(Reason.WRONG_CATEGORY, 70), (Reason.WRONG_CATEGORY, 20)]


def test_who_opted_out_and_who_is_offline_is_told_apart(viewer, channel, live, campaign) -> None:
    livestreams.set_opt_out(channel=channel, opted_out=True, now=NOW, actor=None)
    beats(viewer, channel, 1, 61)
    assert lost(campaign) == [(Reason.STREAMER_OPTED_OUT, 60)]
    livestreams.end_livestream(livestream=channel.livestreams.get(), now=NOW + HOUR, actor=None)
    beats(viewer, channel, 7_200, 7_260)
    # A global campaign asks no channel to be live.
    assert lost(campaign) == [(Reason.STREAMER_OPTED_OUT, 60)]
    assert on_channel(channel) == [(Reason.STREAMER_OPTED_OUT, 60), (Reason.STREAM_OFFLINE, 60)]


def test_another_stream_that_counts_is_a_reason_of_the_visit(
    viewer, channel, live, campaign, second_channel
) -> None:
    beats(viewer, channel, 0, 60)
    beats(viewer, second_channel, 61, 121)
    assert lost(campaign) == [(Reason.OTHER_STREAM_ACTIVE, 60)]
    assert on_channel(second_channel) == [(Reason.OTHER_STREAM_ACTIVE, 60)]


def test_the_streamer_and_campaigns_in_test_mode_lose_nothing(
    viewer, channel, live, campaign, listed
) -> None:
    Campaign.objects.update(test_mode=True)
    beats(channel.owner, channel, 0, 60)
    beats(viewer, channel, 0, 60)
    assert lost(campaign) == lost(listed) == []
    assert on_channel(channel) == [(Reason.TEST_MODE, 60)]


@pytest.fixture
def second_channel(campaign: Campaign, live: object) -> Channel:
    from tests.factories import ChannelFactory, LivestreamFactory

    channel = ChannelFactory()
    LivestreamFactory(channel=channel, category=campaign.category)
    return channel
