from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from drops.domain.analytics import CampaignTotals, campaign_totals, totals_by_campaign, viewers_qualified
from tests import factories


@pytest.mark.django_db
def test_totals_count_whole_minutes_of_all_viewers_together(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    campaign, other, unwatched = factories.CampaignFactory.create_batch(3)
    for seconds in (59, 61, 3600):
        factories.ProgressFactory(campaign=campaign, seconds=seconds)
    factories.ProgressFactory(campaign=other, seconds=120)
    with django_assert_num_queries(1):
        totals = totals_by_campaign([campaign, other, unwatched])
    assert totals == {campaign.pk: CampaignTotals(62, 3), other.pk: CampaignTotals(2, 1)}
    assert campaign_totals(campaign=unwatched) == CampaignTotals(0, 0)


@pytest.mark.django_db
def test_viewers_qualify_at_the_threshold(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    campaign = factories.CampaignFactory()
    short = factories.CampaignRewardFactory(campaign=campaign, required_minutes=1)
    long = factories.CampaignRewardFactory(campaign=campaign, required_minutes=60)
    for seconds in (59, 60, 3599, 3600):
        factories.ProgressFactory(campaign=campaign, seconds=seconds)
    with django_assert_num_queries(2):
        assert viewers_qualified(campaign=campaign) == {short.reward_id: 3, long.reward_id: 1}
