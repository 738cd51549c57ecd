"""Claims of before are counted in their hours, as those that are made now."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from fulfillment.models import ClaimHour
from tests import factories

BEFORE, AFTER = "0019_count_fulfilment_by_hour", "0020_count_claims_by_hour"
FIGURES = ("campaign", "reward", "hour", "test", "claims")


@pytest.mark.django_db(transaction=True)
def test_claims_of_before_are_counted(migrate, now: datetime) -> None:
    attached = factories.CampaignRewardFactory()
    of_one = {"campaign": attached.campaign, "reward": attached.reward}
    for minutes in (0, 59, 60, 24 * 60):
        factories.ClaimFactory(**of_one, created_at=now + timedelta(minutes=minutes))
    factories.ClaimFactory(**of_one, created_at=now, test=True)
    factories.RehearsalFactory(campaign=attached.campaign)  # with a claim
    expected = sorted(ClaimHour.objects.values_list(*FIGURES))
    assert [row[-1] for row in expected] == [2, 1, 1, 1]

    migrate("fulfillment", BEFORE)
    migrate("fulfillment", AFTER)
    assert sorted(ClaimHour.objects.values_list(*FIGURES)) == expected
