from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.models import AuditEvent, Organization, User
from drops.domain.catalogue import rewards
from drops.models import Category, Reward
from tests import factories


def png() -> SimpleUploadedFile:
    file = BytesIO()
    Image.new("RGB", (300, 300), "teal").save(file, "PNG")
    return SimpleUploadedFile("../../cape.php", file.getvalue())


@pytest.fixture
def cape(studio: Organization, category: Category, owner: User, now: datetime) -> Reward:
    return rewards.create_reward(
        organization=studio,
        name="Cape",
        category=category,
        external_id="cape-1",
        image=png(),
        now=now,
        actor=owner,
    )


def test_a_reward_keeps_its_picture_under_a_name_of_our_own(cape: Reward) -> None:
    assert cape.image.name.startswith("rewards/")
    assert cape.image.name.endswith(".webp")
    assert "cape" not in cape.image.name
    with cape.image.open() as file, Image.open(file) as kept:
        assert kept.format == "WEBP"
    assert AuditEvent.objects.get(action="reward.created").target_id == cape.pk


def test_the_category_must_be_the_organizations(
    studio: Organization, rival_studio: Organization, now: datetime
) -> None:
    for category in (
        factories.CategoryFactory(organization=rival_studio),
        factories.CategoryFactory(organization=None),
    ):
        with pytest.raises(ValidationError) as refusal:
            rewards.create_reward(
                organization=studio,
                name="Cape",
                category=category,
                external_id="",
                image=None,
                now=now,
                actor=None,
            )
        assert "claims" in str(refusal.value.message_dict["category"])
    assert not Reward.objects.exists()


def test_a_change_keeps_the_picture_unless_there_is_a_new_one(cape: Reward, now: datetime) -> None:
    changed = rewards.change_reward(
        reward=cape,
        name="Red cape",
        category=cape.category,
        external_id="cape-1",
        image=None,
        now=now,
        actor=None,
    )
    assert (changed.name, changed.image.name) == ("Red cape", cape.image.name)
    assert AuditEvent.objects.get(action="reward.changed").data == {"name": ["Cape", "Red cape"]}


def test_a_file_that_is_no_picture_is_refused_on_its_field(cape: Reward, now: datetime) -> None:
    with pytest.raises(ValidationError) as refusal:
        rewards.change_reward(
            reward=cape,
            name="Cape",
            category=cape.category,
            external_id="",
            image=SimpleUploadedFile("cape.png", b"<svg onload=alert(1)>"),
            now=now,
            actor=None,
        )
    assert "PNG, JPEG, WebP or GIF" in str(refusal.value.message_dict["image"])
    assert Reward.objects.get(pk=cape.pk).external_id == "cape-1"


def test_a_reward_is_archived_only_when_no_open_campaign_hands_it_out(cape: Reward, now: datetime) -> None:
    campaign = factories.CampaignFactory(organization=cape.organization, category=cape.category, name="Cup")
    factories.CampaignRewardFactory(campaign=campaign, reward=cape)
    with pytest.raises(ValidationError, match="Cup"):
        rewards.archive_reward(reward=cape, now=now, actor=None)
    later = campaign.closes_at + timedelta(seconds=1)
    assert rewards.archive_reward(reward=cape, now=later, actor=None).archived_at == later
    assert rewards.archive_reward(reward=cape, now=later, actor=None).archived_at == later
    assert rewards.restore_reward(reward=cape, now=later, actor=None).archived_at is None
    assert AuditEvent.objects.filter(action__in=["reward.archived", "reward.restored"]).count() == 2
