from __future__ import annotations

from datetime import timedelta

import pytest

from drops.domain.watch.figures import by_channel, by_day, totals
from drops.models import WatchHour
from tests import factories


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
