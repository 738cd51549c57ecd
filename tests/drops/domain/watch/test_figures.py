from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from drops.domain.watch.figures import by_channel, by_day, totals, viewers_qualified
from drops.models import WatchHour
from tests import factories


@pytest.mark.django_db
def test_viewers_qualify_at_the_threshold(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    campaign = factories.CampaignFactory()
    short = factories.CampaignRewardFactory(campaign=campaign, required_minutes=1)
    long = factories.CampaignRewardFactory(campaign=campaign, required_minutes=60)
    for seconds in (59, 60, 3599, 3600):
        factories.ProgressFactory(campaign=campaign, seconds=seconds)
    with django_assert_num_queries(2):
        assert viewers_qualified(campaign=campaign) == {short.reward_id: 3, long.reward_id: 1}


@pytest.mark.django_db
def test_totals_days_and_channels_agree_on_the_minutes() -> None:
    campaign, channel = factories.CampaignFactory(), factories.ChannelFactory()
    for days in range(3):
        WatchHour.objects.create(
            campaign=campaign,
            channel=channel,
            hour=factories.NOW + timedelta(days=days),
            seconds=119,
            new_viewers=0,
        )
    (of_channel,) = by_channel(campaign, limit=5)
    assert totals([campaign])[campaign.pk].minutes == of_channel.minutes == 5
    assert [day.minutes for day in by_day(campaign)] == [1, 2, 2]
