"""The studio's owner, who rehearses a campaign that starts next week."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Organization, User
from drops.models import Campaign, CampaignReward, Category
from fulfillment.domain.rehearsals.running import go_on
from fulfillment.domain.rehearsals.starting import start_rehearsal
from fulfillment.models import Rehearsal
from tests import factories
from tests.factories import NOW

Rehearse = Callable[..., Rehearsal]


@pytest.fixture
def campaign(studio: Organization, category: Category) -> Campaign:
    return factories.CampaignFactory(
        organization=studio,
        category=category,
        test_mode=True,
        starts_at=NOW + timedelta(days=7),
        ends_at=NOW + timedelta(days=14),
        published_at=None,
    )


@pytest.fixture
def rehearse(campaign: Campaign, attached: CampaignReward, owner: User, now: datetime) -> Rehearse:
    """Start a rehearsal as the dashboard does, and return it as it is afterwards."""

    def start(**options: Any) -> Rehearsal:
        at = options.pop("now", now)
        rehearsal = start_rehearsal(
            campaign=campaign, **({"viewer": owner, "actor": owner, "now": at} | options)
        )
        go_on(rehearsal_id=rehearsal.pk, clock=lambda: at)
        rehearsal.refresh_from_db()
        return rehearsal

    return start


@pytest.fixture
def owner_linked(owner: User, studio: Organization) -> Any:
    return factories.GameLinkFactory(viewer=owner, organization=studio, game_account_id="p-1")


@pytest.fixture
def left_alone(
    campaign: Campaign, attached: CampaignReward, owner: User, now: datetime
) -> Callable[[], Rehearsal]:
    """A run that was started, and whose process was killed before it took a step."""
    return lambda: start_rehearsal(campaign=campaign, viewer=owner, actor=owner, now=now)
