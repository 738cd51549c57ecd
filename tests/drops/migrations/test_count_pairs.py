"""Viewers of before are in the pairs of campaigns, as those that come now."""

from __future__ import annotations

import pytest

from drops.models import CampaignPair
from tests import factories

BEFORE, AFTER = "0022_follow_and_tell", "0023_count_viewers_of_two_campaigns"


@pytest.mark.django_db(transaction=True)
def test_viewers_of_before_are_counted(migrate) -> None:
    first = factories.CampaignFactory()
    second = factories.CampaignFactory(organization=first.organization)
    of_another_studio = factories.CampaignFactory()
    for number in range(4):
        viewer = factories.UserFactory()
        factories.ProgressFactory(viewer=viewer, campaign=first, seconds=60)
        factories.ProgressFactory(viewer=viewer, campaign=of_another_studio, seconds=60)
        in_test_mode = 30 if number == 3 else 10
        factories.ProgressFactory(viewer=viewer, campaign=second, seconds=30, test_seconds=in_test_mode)
    factories.ProgressFactory(campaign=second, seconds=60)

    migrate("drops", BEFORE)
    migrate("drops", AFTER)

    pair = CampaignPair.objects.get()
    assert {pair.first_id, pair.second_id} == {first.pk, second.pk}
    assert pair.viewers == 3
