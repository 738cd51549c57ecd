"""The numbers of a campaign's first day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Organization, User
from drops.domain.campaigns.phases import note_phase_changes
from drops.models import RewardHour, WatchHour
from fulfillment.domain.analytics.first_day import first_day
from tests import factories
from tests.factories import NOW
from tests.mails import send_notices, text_of

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_the_first_day_is_counted_without_what_came_after_and_without_tests(
    studio: Organization, owner: User, django_assert_num_queries: Any
) -> None:
    campaign = factories.CampaignFactory(
        organization=studio, starts_at=NOW, ends_at=NOW + 3 * DAY, closes_at=NOW + 4 * DAY, published_at=NOW
    )
    reward = factories.CampaignRewardFactory(campaign=campaign).reward
    channel = factories.ChannelFactory()
    for hour, test in ((NOW, False), (NOW + 23 * HOUR, False), (NOW + DAY, False), (NOW, True)):
        WatchHour.objects.create(
            campaign=campaign, channel=channel, hour=hour, seconds=600, new_viewers=2, test=test
        )
        RewardHour.objects.create(campaign=campaign, reward=reward, hour=hour, qualified=1, test=test)
        factories.ClaimFactory(campaign=campaign, reward=reward, created_at=hour, test=test)

    with django_assert_num_queries(3):
        numbers = first_day(campaign=campaign, until=NOW + DAY)
    assert numbers == {"viewers": 4, "minutes": 20, "reached": 2, "claims": 2}

    note_phase_changes(now=NOW + DAY + HOUR)
    message = next(each for each in send_notices(NOW + DAY + HOUR) if "first day" in each.subject)
    assert message.subject.endswith(": 4 viewers")
    for line in ("Viewers: 4", "Watch time: 20 min", "Rewards reached: 2", "Claims: 2"):
        assert line in text_of(message).splitlines()
