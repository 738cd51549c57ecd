"""A studio whose owners decide together, with a campaign and a manager."""

from __future__ import annotations

import pytest

from accounts.domain import two_owners
from accounts.models import MemberRole, Organization, User
from drops.models import Campaign
from tests import factories
from tests.factories import NOW


@pytest.fixture
def ruled(studio: Organization, owner: User, second_owner: User) -> Organization:
    """The studio, with the rule on."""
    two_owners.turn_on(organization=studio, now=NOW, actor=owner)
    studio.refresh_from_db()
    return studio


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignFactory(organization=studio, name="Storm season")


@pytest.fixture
def manager(studio: Organization) -> User:
    return factories.MembershipFactory(
        organization=studio, user__username="manager", role=MemberRole.MANAGER
    ).user
