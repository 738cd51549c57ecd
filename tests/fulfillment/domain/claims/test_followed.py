"""What becomes of claims is counted as it happens, whatever happens in whatever order."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from accounts.models import OAuthApp
from fulfillment.domain.claims.statuses import set_statuses
from fulfillment.domain.delivery.attempts import write_outcomes
from tests import factories
from tests.factories import NOW
from tests.fulfillment.domain.claims import recompute

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(4))
def test_the_hours_are_those_of_the_rows(studio_app: OAuthApp, seed: int) -> None:
    chance = Random(seed)
    studio = studio_app.organization
    entries = [
        factories.CampaignRewardFactory(campaign=campaign)
        for campaign in [factories.CampaignFactory(organization=studio) for _ in range(2)]
        for _ in range(2)
    ]
    endpoints = [factories.WebhookEndpointFactory(organization=studio) for _ in range(2)]
    viewers = [factories.UserFactory() for _ in range(4)]
    claims, taken, now = [], set(), NOW
    for _ in range(80):
        now += timedelta(minutes=chance.randint(0, 90))
        match chance.randint(0, 3):
            case 0:
                entry, viewer = chance.choice(entries), chance.choice(viewers)
                if (entry, viewer) not in taken:
                    taken.add((entry, viewer))
                    claims.append(
                        factories.ClaimFactory(
                            campaign=entry.campaign,
                            reward=entry.reward,
                            viewer=viewer,
                            test=chance.random() < 0.2,
                            created_at=now,
                        )
                    )
            case 1:
                some = chance.sample(claims, min(len(claims), 3))
                write_outcomes(
                    [
                        recompute.outcome(
                            claim, chance.choice(endpoints), now, status=chance.choice([200, 200, 500])
                        )
                        for claim in some
                    ]
                )
            case _:
                some = chance.sample(claims, min(len(claims), 5))
                words = {claim.pk: chance.choice(["initiated", "granted", "opened"]) for claim in some}
                set_statuses(app=studio_app, statuses=words, now=now)
    recompute.assert_counted()
    assert all(recompute.stored())
