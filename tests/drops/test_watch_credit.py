"""The rules of watch time, one by one."""

from datetime import timedelta

import pytest

from drops.domain import streams
from drops.domain.watch import Beat, BeatKind, credit
from drops.models.fields import to_ms
from drops.models import Progress, Reason, RewardHour, WatchHour, WatchInterval
from tests.factories import (
    NOW,
    AllowedChannelFactory,
    CampaignFactory,
    CampaignRewardFactory,
    ChannelFactory,
    LivestreamFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(studio, category):
    return CampaignFactory(organization=studio, category=category)


@pytest.fixture
def live(channel, category):
    return LivestreamFactory(channel=channel, category=category)


def beats(viewer, channel, *seconds, kind=BeatKind.WATCH, **more):
    """Credit one beat at each of these seconds after NOW, each on its own."""
    for second in seconds:
        moment = NOW + timedelta(seconds=second)
        credit([Beat(viewer.pk, channel.pk, to_ms(moment), kind, **more)], now=moment)


def seconds_of(viewer, campaign):
    return (
        Progress.objects.filter(viewer=viewer, campaign=campaign).values_list("seconds", flat=True).first()
        or 0
    )


def rows_of(viewer):
    return list(
        WatchInterval.objects.filter(viewer=viewer)
        .order_by("started_at", "pk")
        .values_list("channel__slug", "reason", "credited_seconds")
    )


def test_a_beat_earns_the_time_since_the_one_before(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60, 120)

    assert seconds_of(viewer, campaign) == 120
    assert rows_of(viewer) == [("streamer", "", 120)]


def test_the_first_beat_earns_nothing(viewer, channel, live, campaign):
    beats(viewer, channel, 0)

    assert seconds_of(viewer, campaign) == 0
    assert rows_of(viewer) == [("streamer", "", 0)]


def test_the_hour_knows_seconds_viewers_and_who_qualified(viewer, stranger, channel, live, campaign):
    attached = CampaignRewardFactory(campaign=campaign, required_minutes=1)
    beats(viewer, channel, 0, 60, 120)
    beats(stranger, channel, 0, 59)

    hour = WatchHour.objects.get()
    assert (hour.campaign, hour.channel, hour.hour) == (campaign, channel, NOW)
    assert (hour.seconds, hour.viewers, hour.new_viewers) == (179, 2, 2)
    assert RewardHour.objects.values_list("reward", "qualified").get() == (attached.reward_id, 1)


def test_one_channel_counts_at_a_time(viewer, channel, live, campaign, category):
    other = LivestreamFactory(category=category).channel
    beats(viewer, channel, 0, 60)
    beats(viewer, other, 70, 100)
    beats(viewer, channel, 120)

    assert seconds_of(viewer, campaign) == 120
    assert rows_of(viewer) == [("streamer", "", 120), (other.slug, Reason.OTHER_STREAM_ACTIVE, 0)]
