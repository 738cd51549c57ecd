"""What is in test mode when the flag comes is marked, and who was past a lowered threshold is counted."""

from __future__ import annotations

from accounts.models import Organization
from drops.domain.watch.figures import totals, viewers_qualified
from drops.models import Campaign, Channel, CountedCampaign, Progress, RewardHour, WatchHour
from fulfillment.models import Claim
from tests import factories
from tests.drops.domain.watch.crediting import beats


def test_what_was_there_before_gets_its_figures(
    migrate, viewer, member, channel: Channel, live, campaign: Campaign, studio: Organization, category
) -> None:
    tested = factories.CampaignFactory(organization=studio, category=category, test_mode=True)
    attached = factories.CampaignRewardFactory(campaign=campaign, required_minutes=3)
    in_test = factories.CampaignRewardFactory(campaign=tested, required_minutes=1)
    for each in (viewer, member):
        beats(each, channel, 0, 60, 120)
    factories.ClaimFactory(campaign=tested, reward=in_test.reward)
    factories.ClaimFactory(campaign=campaign, reward=attached.reward)
    attached.required_minutes = 2
    attached.save()

    migrate("fulfillment", "0007_claim_once_per_game_account")
    migrate("drops", "0004_add_reason_own_channel")
    migrate()

    assert (totals([tested])[tested.pk].seconds, totals([tested], test=True)[tested.pk].seconds) == (0, 120)
    assert totals([campaign])[campaign.pk].seconds == 240
    assert viewers_qualified(campaign=campaign) == {attached.reward_id: 2}
    assert viewers_qualified(campaign=tested, test=True) == {in_test.reward_id: 1}
    assert viewers_qualified(campaign=tested) == {}
    assert dict(Progress.objects.values_list("campaign", "test_seconds").distinct()) == {
        campaign.pk: 0,
        tested.pk: 120,
    }
    assert set(CountedCampaign.objects.values_list("campaign", "test")) == {
        (campaign.pk, False),
        (tested.pk, True),
    }
    assert dict(Claim.objects.values_list("campaign", "test")) == {campaign.pk: False, tested.pk: True}
    assert WatchHour.objects.filter(test=True).count() == 1
    assert RewardHour.objects.filter(channel=None).count() == 1
