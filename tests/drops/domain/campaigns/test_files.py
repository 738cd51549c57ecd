"""What a file would change of a campaign, what of it is refused, and that nothing else is applied."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import OAuthApp, Organization, User
from drops.domain.campaigns.files import FileChange, OutOfDate, apply_file, plan_file
from drops.domain.campaigns.lifecycle import amend_campaign
from drops.domain.campaigns.plans import RewardPlan, plan_of
from drops.models import Campaign, Category
from tests import factories
from tests.factories import NOW


@pytest.fixture
def campaign(studio: Organization, category: Category, studio_app: OAuthApp) -> Campaign:
    """Live."""
    made: Campaign = factories.CampaignFactory(organization=studio, category=category, name="Storm season")
    for name in ("Cape", "Wings"):
        reward = factories.RewardFactory(organization=studio, category=category, name=name)
        factories.CampaignRewardFactory(campaign=made, reward=reward)
    factories.AllowedChannelFactory(campaign=made, channel__slug="streamer")
    return made


def of(campaign: Campaign, owner: User, now: datetime = NOW, **wanted: Any) -> Any:
    return plan_file(campaign=campaign, wanted=wanted, now=now, actor=owner)


def test_a_file_that_says_what_is_so_changes_nothing(campaign: Campaign, owner: User) -> None:
    plan = of(campaign, owner, **vars(plan_of(campaign)))
    assert (plan.changes, plan.problems, plan.can_be_applied) == ([], [], False)


def test_each_change_is_told_and_each_that_is_refused_with_its_reason(
    campaign: Campaign, owner: User, studio: Organization, category: Category
) -> None:
    cape, wings = plan_of(campaign).rewards
    hat = factories.RewardFactory(organization=studio, category=category, name="Hat")
    other = factories.ChannelFactory(slug="other")
    plan = of(
        campaign,
        owner,
        name="Storm season II",
        ends_at=campaign.ends_at - timedelta(days=1),
        rewards=(
            RewardPlan(cape.reward, 90, 1),
            RewardPlan(wings.reward, 30, 2),
            RewardPlan(hat, 45, 3),
        ),
        channels=[other],
    )
    told = {(change.field, change.about): change for change in plan.changes}
    assert told["name", ""] == FileChange("name", "", "Storm season", "Storm season II")
    assert "it can only move later" in told["ends_at", ""].refused
    assert "only lower this number" in told["rewards", "Cape"].refused
    assert told["rewards", "Wings"] == FileChange("rewards", "Wings", 60, 30)
    assert told["rewards", "Hat"] == FileChange("rewards", "Hat", None, 45)
    assert told["channels", "other"] == FileChange("channels", "other", False, True)
    assert told["channels", "streamer"] == FileChange("channels", "streamer", True, False)
    assert (len(plan.changes), plan.refused, plan.can_be_applied) == (7, 2, False)
    # The last day to claim would move with the end.
    assert [name for name, _text in plan.problems] == ["grace_days"]


def test_the_order_of_rewards_is_a_change_of_its_own(campaign: Campaign, owner: User) -> None:
    cape, wings = plan_of(campaign).rewards
    swapped = (RewardPlan(wings.reward, 60, 1), RewardPlan(cape.reward, 60, 2))
    plan = of(campaign, owner, rewards=swapped)
    assert plan.changes == [FileChange("rewards", "", ["Cape", "Wings"], ["Wings", "Cape"])]
    assert plan.can_be_applied


def test_a_reward_that_is_left_out_is_refused_alone(campaign: Campaign, owner: User) -> None:
    cape, _wings = plan_of(campaign).rewards
    plan = of(campaign, owner, rewards=(cape,))
    (change,) = plan.changes
    assert (change.about, change.before, change.after) == ("Wings", 60, None)
    assert "stays attached" in change.refused
    assert plan.problems == []


def test_after_the_end_no_reward_is_added_and_after_the_close_nothing_changes(
    campaign: Campaign, owner: User, studio: Organization, category: Category
) -> None:
    hat = factories.RewardFactory(organization=studio, category=category, name="Hat")
    rewards = (*plan_of(campaign).rewards, RewardPlan(hat, 45, 3))
    (change,) = of(campaign, owner, campaign.ends_at, rewards=rewards).changes
    assert "You can no longer add rewards" in change.refused
    closed = of(campaign, owner, campaign.closes_at, name="Other")
    assert closed.problems == [("", "The campaign has closed. You can no longer change it.")]
    assert not closed.can_be_applied


def test_a_published_campaign_has_to_stay_publishable_and_asking_changes_nothing(
    campaign: Campaign, owner: User
) -> None:
    before = campaign.starts_at - timedelta(hours=1)
    plan = of(campaign, owner, before, rewards=())
    assert [text for _name, text in plan.problems] == ["Attach at least one reward."]
    assert not plan.can_be_applied
    fine = of(campaign, owner, before, name="Other")
    assert fine.can_be_applied
    campaign.refresh_from_db()
    assert campaign.name == "Storm season"
    assert campaign.campaign_rewards.count() == 2


def test_what_was_planned_is_applied(campaign: Campaign, owner: User) -> None:
    wanted = {"name": "Storm season II", "ends_at": campaign.ends_at + timedelta(days=1)}
    plan = of(campaign, owner, **wanted)
    apply_file(campaign=campaign, wanted=wanted, version=plan.version, now=NOW, actor=owner)
    campaign.refresh_from_db()
    assert (campaign.name, campaign.ends_at) == ("Storm season II", wanted["ends_at"])


def test_a_plan_that_is_out_of_date_is_refused(campaign: Campaign, owner: User, studio: Organization) -> None:
    wanted = {"name": "Storm season II"}
    version = of(campaign, owner, **wanted).version

    def refused(now: datetime = NOW, **fields: Any) -> bool:
        try:
            apply_file(campaign=campaign, wanted=wanted | fields, version=version, now=now, actor=owner)
        except OutOfDate:
            return True
        return False

    assert refused(info_url="https://studio.example.com/other")  # another file
    assert refused(campaign.ends_at)  # another phase
    amend_campaign(campaign=campaign, changes={"grace_days": 5}, now=NOW, actor=owner)
    assert refused()  # another campaign than was looked at
    campaign.refresh_from_db()
    assert campaign.name == "Storm season"


def test_what_is_refused_is_refused_when_it_is_applied_too(campaign: Campaign, owner: User) -> None:
    wanted = {"ends_at": campaign.ends_at - timedelta(days=1), "name": "Other"}
    version = of(campaign, owner, **wanted).version
    with pytest.raises(ValidationError):
        apply_file(campaign=campaign, wanted=wanted, version=version, now=NOW, actor=owner)
    campaign.refresh_from_db()
    assert campaign.name == "Storm season"


def test_only_who_may_change_campaigns_makes_plans(campaign: Campaign, viewer: User, member: User) -> None:
    for person in (viewer, member):
        with pytest.raises(PermissionDenied):
            of(campaign, person, name="Other")
