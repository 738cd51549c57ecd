"""What became of claims of before is counted as what becomes of those of now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import OAuthApp
from fulfillment.domain.claims.statuses import set_statuses
from fulfillment.models import Claim
from tests import factories
from tests.factories import NOW
from tests.fulfillment.domain.claims import recompute

BEFORE = "0022_add_war_room_and_load_rehearsals"


@pytest.mark.django_db(transaction=True)
def test_claims_of_before_are_followed(migrate, studio_app: OAuthApp) -> None:
    campaign = factories.CampaignFactory(organization=studio_app.organization)
    entries = [factories.CampaignRewardFactory(campaign=campaign) for _ in range(2)]
    viewers = [factories.UserFactory() for _ in range(3)]
    claims = [
        factories.ClaimFactory(campaign=campaign, reward=entry.reward, viewer=viewer)
        for entry in entries
        for viewer in viewers
    ]
    claims.append(factories.ClaimFactory(campaign=campaign, reward=entries[0].reward, test=True))
    for hour, claim in enumerate(claims):
        for _ in range(hour % 3):
            endpoint = factories.WebhookEndpointFactory(organization=campaign.organization)
            recompute.deliver(claim, endpoint, NOW + timedelta(hours=hour))
    for hour, status in enumerate(("sent", "opened", "sent", "initiated")):
        told = {claim.pk: status for claim in claims[hour:]}
        set_statuses(app=studio_app, statuses=told, now=NOW + timedelta(hours=hour))
    recompute.assert_counted()
    expected = recompute.stored()

    migrate("fulfillment", BEFORE)
    migrate()
    assert recompute.stored() == expected
    assert Claim.objects.filter(delivered_at=None).count() == 3
