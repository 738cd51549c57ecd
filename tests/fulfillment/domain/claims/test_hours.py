"""Claims by the hour are those of the rows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings, strategies as st

from drops.models import Campaign, CampaignReward, Reward
from fulfillment.domain.analytics.daily import daily
from fulfillment.domain.claims.claiming import claim_reward
from fulfillment.domain.claims.reading import claimed_by_reward
from fulfillment.models import Claim, ClaimHour
from tests import factories

Hours = Counter[tuple[str, str, datetime, bool]]


def counted() -> Hours:
    rows = ClaimHour.objects.values_list("campaign", "reward", "hour", "test", "claims")
    return Counter({(*key,): claims for *key, claims in rows})


def recomputed() -> Hours:
    return Counter(
        (
            claim.campaign_id,
            claim.reward_id,
            claim.created_at.replace(minute=0, second=0, microsecond=0),
            claim.test,
        )
        for claim in Claim.objects.filter(rehearsal=None)
    )


def claim(campaign: Campaign, reward: Reward, at: datetime, *, test: bool) -> None:
    viewer = factories.UserFactory()
    progress = {"viewer": viewer, "campaign": campaign, "seconds": 3600}
    factories.ProgressFactory(**progress, test_seconds=3600 if test else 0)
    factories.GameLinkFactory(viewer=viewer, organization=campaign.organization)
    asked = {"viewer": viewer, "campaign_id": campaign.pk, "reward_id": reward.pk}
    claim_reward(**asked, now=at)
    claim_reward(**asked, now=at + timedelta(hours=1))  # which is no second claim


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.tuples(st.integers(0, 47 * 60), st.integers(0, 1), st.booleans()), max_size=6))
def test_hours_and_days_of_claims_are_those_of_the_rows(
    campaign: Campaign, attached: CampaignReward, now: datetime, made: list[tuple[int, int, bool]]
) -> None:
    if campaign.campaign_rewards.count() < 2:
        factories.CampaignRewardFactory(campaign=campaign, required_minutes=30)
    rewards = [entry.reward for entry in campaign.campaign_rewards.order_by("pk")]
    for minute, number, test in made:
        claim(campaign, rewards[number], now + timedelta(minutes=minute), test=test)

    assert counted() == recomputed()
    for test in (False, True):
        claims = Claim.objects.filter(campaign=campaign, test=test)
        assert claimed_by_reward(campaign, test=test) == Counter(claims.values_list("reward", flat=True))
    by_day: Counter[tuple[object, str]] = Counter()
    for day in daily(campaign=campaign):
        by_day.update({(day.date, reward): count for reward, count in day.claims.items()})
    assert by_day == Counter(
        (row.created_at.date(), row.reward_id) for row in Claim.objects.filter(test=False)
    )
