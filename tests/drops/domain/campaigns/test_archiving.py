"""What is over is put away, and brought back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent, MemberRole, Organization, User
from drops.domain.campaigns import lifecycle
from drops.domain.campaigns.archiving import archive_campaign, restore_campaign
from drops.domain.campaigns.reading import visible_campaigns
from drops.models import Campaign
from tests import factories
from tests.factories import NOW

HOUR = timedelta(hours=1)
OVER = {"ends_at": NOW - 2 * HOUR, "closes_at": NOW - HOUR}


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignFactory(organization=studio)


def put(campaign: Campaign, **changes: Any) -> Campaign:
    Campaign.objects.filter(pk=campaign.pk).update(**changes)
    return Campaign.objects.get(pk=campaign.pk)


@pytest.mark.parametrize("changes", [OVER, {"published_at": None}, OVER | {"withdrawn_at": NOW - 3 * HOUR}])
def test_what_is_over_and_what_is_a_draft_is_archived_and_restored(
    campaign: Campaign, owner: User, changes: dict[str, Any]
) -> None:
    campaign = put(campaign, **changes)
    for _twice in range(2):
        assert archive_campaign(campaign=campaign, now=NOW, actor=owner).archived_at == NOW
    for _twice in range(2):
        assert restore_campaign(campaign=campaign, now=NOW + HOUR, actor=owner).archived_at is None
    assert list(AuditEvent.objects.order_by("pk").values_list("action", "actor", "at")) == [
        ("campaign.archived", owner.pk, NOW),
        ("campaign.restored", owner.pk, NOW + HOUR),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"starts_at": NOW + HOUR},
        {"ends_at": NOW - HOUR},  # claims are open
        {"withdrawn_at": NOW - HOUR},
    ],
)
def test_what_viewers_can_still_earn_or_claim_is_not_archived(
    campaign: Campaign, owner: User, changes: dict[str, Any]
) -> None:
    campaign = put(campaign, **changes)
    with pytest.raises(ValidationError, match="once it has closed"):
        archive_campaign(campaign=campaign, now=NOW, actor=owner)
    campaign.refresh_from_db()
    assert campaign.archived_at is None


def test_an_archived_draft_is_not_published(campaign: Campaign, owner: User) -> None:
    draft = archive_campaign(campaign=put(campaign, published_at=None), now=NOW, actor=owner)
    with pytest.raises(ValidationError, match="Restore it first"):
        lifecycle.publish_campaign(campaign=draft, now=NOW, actor=owner)
    restore_campaign(campaign=draft, now=NOW, actor=owner)
    with pytest.raises(ValidationError) as refusal:
        lifecycle.publish_campaign(campaign=draft, now=NOW, actor=owner)
    assert "archived" not in str(refusal.value)


def test_viewers_notice_nothing(campaign: Campaign, owner: User, viewer: User) -> None:
    def seen(now: datetime) -> list[Campaign]:
        return list(visible_campaigns(now=now, viewer=viewer))

    campaign = put(campaign, **OVER)
    before = seen(NOW)
    archive_campaign(campaign=campaign, now=NOW, actor=owner)
    assert seen(NOW) == before == [campaign]


def test_only_those_who_change_campaigns_archive_them(
    studio: Organization, campaign: Campaign, rival_owner: User
) -> None:
    analyst = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user
    for verb in (archive_campaign, restore_campaign):
        for actor in (analyst, rival_owner):
            with pytest.raises(PermissionDenied):
                verb(campaign=put(campaign, **OVER), now=NOW, actor=actor)
