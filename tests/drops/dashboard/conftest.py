"""The studio's reward, and its live campaign that has it."""

from __future__ import annotations

import pytest

from accounts.models import Organization
from drops.models import Campaign, Category, Reward
from tests import factories


@pytest.fixture
def reward(studio: Organization, category: Category) -> Reward:
    return factories.RewardFactory(organization=studio, category=category, name="Cape")


@pytest.fixture
def live(studio: Organization, category: Category, reward: Reward) -> Campaign:
    campaign = factories.CampaignFactory(organization=studio, category=category, name="Autumn cup")
    factories.CampaignRewardFactory(campaign=campaign, reward=reward, required_minutes=60)
    return campaign
