"""The studio's campaign, with the streamer's channel live in its category."""

from __future__ import annotations

import pytest

from accounts.models import Organization
from drops.models import Campaign, Category, Channel, Livestream
from tests.factories import CampaignFactory, LivestreamFactory


@pytest.fixture
def campaign(studio: Organization, category: Category) -> Campaign:
    return CampaignFactory(organization=studio, category=category)


@pytest.fixture
def live(channel: Channel, category: Category) -> Livestream:
    return LivestreamFactory(channel=channel, category=category)
