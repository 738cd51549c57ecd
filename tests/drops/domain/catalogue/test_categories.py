"""Which categories an organization may use: what it claims, and while it waits, what it asks for."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.core.exceptions import ValidationError

from accounts.domain import organizations
from accounts.models import Organization, User
from drops.domain.campaigns import lifecycle
from drops.domain.catalogue import categories, rewards
from drops.models import Reward
from tests import factories


@pytest.fixture
def waiting(studio: Organization) -> Organization:
    Organization.objects.filter(pk=studio.pk).update(
        approved_at=None, requested_categories="skyforge rally\nHarbor Lights\n東京"
    )
    studio.refresh_from_db()
    return studio


def names(organization: Organization) -> set[str]:
    return set(categories.usable(organization).values_list("name", flat=True))


def test_one_that_waits_prepares_for_what_it_asks_for_and_nobody_claims(
    waiting: Organization, rival_studio: Organization
) -> None:
    factories.CategoryFactory(name="Skyforge: Rally", slug="skyforge-rally")
    factories.CategoryFactory(name="東京", slug="tokyo")
    factories.CategoryFactory(name="Harbor Lights", organization=rival_studio)
    factories.CategoryFactory(name="Just Talk")
    factories.CategoryFactory(name="Own", organization=waiting)
    assert names(waiting) == {"Skyforge: Rally", "東京", "Own"}
    for state in ({"approved_at": factories.NOW}, {"suspended_at": factories.NOW, "approved_at": None}):
        Organization.objects.filter(pk=waiting.pk).update(**state)
        waiting.refresh_from_db()
        assert names(waiting) == {"Own"}


def make(organization: Organization, owner: User, now: datetime, category: str) -> Reward:
    return rewards.create_reward(
        organization=organization,
        name="Comet trail",
        category=factories.Category.objects.get(name=category),
        external_id="",
        image=None,
        now=now,
        actor=owner,
    )


def test_what_is_prepared_is_published_once_the_category_is_given(
    waiting: Organization, owner: User, operator: User, rival_studio: Organization, now: datetime
) -> None:
    factories.CategoryFactory(name="Skyforge Rally", slug="skyforge-rally")
    factories.CategoryFactory(name="Harbor Lights", organization=rival_studio)
    with pytest.raises(ValidationError, match="Choose a category"):
        make(waiting, owner, now, "Harbor Lights")
    reward = make(waiting, owner, now, "Skyforge Rally")
    campaign = factories.CampaignFactory(organization=waiting, category=None, published_at=None)
    factories.CampaignRewardFactory(campaign=campaign, reward=reward)

    def codes() -> set[str]:
        campaign.refresh_from_db()
        return {problem.code for problem in lifecycle.problems_of(campaign, now=now)}

    organizations.approve_organization(organization=waiting, now=now, actor=operator, categories=[])
    assert "reward_category_not_claimed" in codes()
    with pytest.raises(ValidationError, match="Choose a category"):
        make(Organization.objects.get(pk=waiting.pk), owner, now, "Skyforge Rally")

    categories.give_categories(organization=waiting, categories=["Skyforge Rally"], now=now, actor=operator)
    assert "reward_category_not_claimed" not in codes()
