"""The hourly figures that watch time adds to."""

import pytest

from drops.domain.watch.beats import BeatKind
from drops.models import RewardHour, WatchHour
from tests.drops.domain.watch.crediting import beats
from tests.factories import NOW, CampaignRewardFactory

pytestmark = pytest.mark.django_db


def test_the_hour_knows_seconds_viewers_and_who_qualified(viewer, stranger, channel, live, campaign):
    attached = CampaignRewardFactory(campaign=campaign, required_minutes=1)
    beats(viewer, channel, 0, 60, 120)
    beats(stranger, channel, 0, 59)

    hour = WatchHour.objects.get()
    assert (hour.campaign, hour.channel, hour.hour) == (campaign, channel, NOW)
    assert (hour.seconds, hour.viewers, hour.new_viewers) == (179, 2, 2)
    assert RewardHour.objects.values_list("reward", "qualified").get() == (attached.reward_id, 1)


def test_an_hour_that_turns_is_told_apart(viewer, channel, live, campaign):
    beats(viewer, channel, 3560, 3620)

    assert list(WatchHour.objects.order_by("hour").values_list("seconds", "viewers", "new_viewers")) == [
        (40, 1, 1),
        (20, 1, 0),
    ]


def test_who_comes_back_within_the_hour_is_one_viewer(viewer, channel, live, campaign):
    beats(viewer, channel, 0, 60, kind=BeatKind.WATCH)
    beats(viewer, channel, 61, kind=BeatKind.GOODBYE)
    beats(viewer, channel, 600, 660)

    assert WatchHour.objects.values_list("seconds", "viewers", "new_viewers").get() == (121, 1, 1)
