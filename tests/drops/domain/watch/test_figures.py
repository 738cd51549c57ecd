from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from drops.domain.watch.figures import viewers_qualified
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
