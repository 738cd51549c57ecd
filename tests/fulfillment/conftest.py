"""A viewer who has earned a reward, and the studio's server that hears of the claim."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from accounts.models import GameLink, Organization, User
from drops.models import Campaign, CampaignReward, Category, Progress, Reward
from fulfillment.models import SigningKey, WebhookEndpoint
from tests import factories
from tests.fulfillment.receiver import Receiver, running_receiver


@pytest.fixture
def campaign(studio: Organization, category: Category) -> Campaign:
    return factories.CampaignFactory(organization=studio, category=category, name="Storm season")


@pytest.fixture
def attached(campaign: Campaign) -> CampaignReward:
    return factories.CampaignRewardFactory(
        campaign=campaign, required_minutes=60, reward__external_id="wings"
    )


@pytest.fixture
def reward(attached: CampaignReward) -> Reward:
    return attached.reward


@pytest.fixture
def earned(viewer: User, campaign: Campaign, reward: Reward) -> Progress:
    """The viewer has watched exactly as long as the reward asks for."""
    return factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)


@pytest.fixture
def linked(viewer: User, studio: Organization) -> GameLink:
    return factories.GameLinkFactory(viewer=viewer, organization=studio)


@pytest.fixture
def signing_key(db: None, now: datetime) -> SigningKey:
    return factories.make_signing_key(now)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def endpoint(studio: Organization, receiver: Receiver, signing_key: SigningKey) -> WebhookEndpoint:
    """The studio's, verified; its server is `receiver`."""
    return factories.WebhookEndpointFactory(organization=studio, url=receiver.url)
