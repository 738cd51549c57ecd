"""What a campaign needs before it is published, and what may change after."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent, Organization, User
from drops.domain.campaigns import lifecycle, plans
from drops.domain.campaigns.plans import CampaignPlan, RewardPlan
from drops.models import Campaign, CampaignPhase, Category, Channel, Reward
from tests import factories

DAY = timedelta(days=1)


@pytest.fixture
def reward(studio: Organization, category: Category) -> Reward:
    return factories.RewardFactory(organization=studio, category=category, name="Cape")


@pytest.fixture
def hat(studio: Organization, category: Category) -> Reward:
    return factories.RewardFactory(organization=studio, category=category, name="Hat")


@pytest.fixture
def plan(category: Category, reward: Reward, now: datetime) -> CampaignPlan:
    return CampaignPlan(
        name="Winter cup",
        category=category,
        info_url="https://studio.example.com/winter",
        starts_at=now + 2 * DAY,
        ends_at=now + 9 * DAY,
        announcement_days=1,
        grace_days=3,
        rewards=(RewardPlan(reward, 60, 1),),
    )


@pytest.fixture
def app(studio: Organization) -> Any:
    return factories.OAuthAppFactory(organization=studio)


@pytest.fixture
def draft(studio: Organization, plan: CampaignPlan, owner: User, now: datetime, app: Any) -> Campaign:
    return lifecycle.create_campaign(organization=studio, plan=plan, now=now, actor=owner)


@pytest.fixture
def published(draft: Campaign, owner: User, now: datetime) -> Campaign:
    return lifecycle.publish_campaign(campaign=draft, now=now, actor=owner)


def change(campaign: Campaign, now: datetime, **fields: Any) -> Campaign:
    plan = replace(plans.plan_of(campaign), **fields)
    return lifecycle.change_campaign(campaign=campaign, plan=plan, now=now, actor=None)


def refused(campaign: Campaign, now: datetime, **fields: Any) -> dict[str, Any]:
    before = plans.plan_of(Campaign.objects.get(pk=campaign.pk))
    with pytest.raises(ValidationError) as refusal:
        change(campaign, now, **fields)
    assert plans.plan_of(Campaign.objects.get(pk=campaign.pk)) == before
    return refusal.value.update_error_dict({})


def test_a_plan_becomes_a_draft_with_all_that_it_says(
    draft: Campaign, plan: CampaignPlan, owner: User, now: datetime
) -> None:
    assert plans.plan_of(draft) == plan
    assert draft.phase(now) is CampaignPhase.DRAFT
    assert draft.announces_at == now + DAY
    assert draft.closes_at == now + 12 * DAY
    event = AuditEvent.objects.get(action="campaign.created")
    assert (event.actor, event.at, event.data["rewards"]) == (owner, now, [["Cape", 60]])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ends_at": datetime(2026, 11, 21, tzinfo=UTC)}, "ends_at"),
        ({"starts_at": datetime(1, 1, 1, tzinfo=UTC)}, "starts_at"),
        ({"ends_at": datetime(9999, 12, 31, tzinfo=UTC)}, "ends_at"),
        ({"announcement_days": -1}, "announcement_days"),
        ({"grace_days": 10**9}, "grace_days"),
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"info_url": "javascript:alert(1)"}, "info_url"),
        ({"info_url": "ftp://studio.example.com"}, "info_url"),
    ],
)
def test_an_impossible_plan_is_refused_by_field(
    studio: Organization, plan: CampaignPlan, now: datetime, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        lifecycle.create_campaign(organization=studio, plan=replace(plan, **fields), now=now, actor=None)
    assert field in refusal.value.message_dict
    assert not Campaign.objects.exists()


def test_rewards_are_one_to_twelve_each_once_at_its_own_position(
    studio: Organization, plan: CampaignPlan, reward: Reward, hat: Reward, now: datetime
) -> None:
    def messages(*rewards: RewardPlan) -> str:
        with pytest.raises(ValidationError) as refusal:
            lifecycle.create_campaign(
                organization=studio, plan=replace(plan, rewards=rewards), now=now, actor=None
            )
        return " ".join(refusal.value.message_dict["rewards"])

    assert "twice" in messages(RewardPlan(reward, 60, 1), RewardPlan(reward, 90, 2))
    assert "same position" in messages(RewardPlan(reward, 60, 1), RewardPlan(hat, 90, 1))
    assert "greater than or equal to 1" in messages(RewardPlan(reward, 0, 1))
    assert "less than or equal to 12" in messages(RewardPlan(reward, 60, 13))
    many = [
        RewardPlan(factories.RewardFactory(organization=studio), 60, position) for position in range(1, 14)
    ]
    assert "at most 12" in messages(*many)


def test_nothing_of_another_organization_is_taken(
    studio: Organization, rival_studio: Organization, plan: CampaignPlan, now: datetime
) -> None:
    theirs = factories.RewardFactory(organization=rival_studio)
    for fields, field in (
        ({"category": theirs.category}, "category"),
        ({"rewards": (RewardPlan(theirs, 60, 1),)}, "rewards"),
    ):
        with pytest.raises(ValidationError) as refusal:
            lifecycle.create_campaign(organization=studio, plan=replace(plan, **fields), now=now, actor=None)
        assert list(refusal.value.message_dict) == [field]


def test_every_problem_is_named_at_once(
    draft: Campaign, studio: Organization, app: Any, now: datetime
) -> None:
    app.delete()
    studio.approved_at, studio.connect_url = None, ""
    studio.save()
    Category.objects.update(organization=None)
    Reward.objects.update(archived_at=now)
    later = now + 30 * DAY
    campaign = Campaign.objects.get(pk=draft.pk)
    assert {problem.code for problem in lifecycle.problems_of(campaign, now=later)} == {
        "not_approved",
        "category_not_claimed",
        "reward_category_not_claimed",
        "no_connect_url",
        "no_oauth_app",
        "ends_in_past",
        "reward_archived",
    }
    with pytest.raises(ValidationError) as refusal:
        lifecycle.publish_campaign(campaign=campaign, now=later, actor=None)
    assert len(refusal.value.messages) == 7
    assert Campaign.objects.get().published_at is None


def test_no_rewards_and_thresholds_out_of_reach_are_problems(
    draft: Campaign, reward: Reward, now: datetime
) -> None:
    change(draft, now, rewards=())
    assert [problem.code for problem in lifecycle.problems_of(draft, now=now)] == ["no_rewards"]
    week = 7 * 24 * 60
    change(draft, now, rewards=(RewardPlan(reward, week, 1),))
    assert lifecycle.problems_of(draft, now=now) == []
    change(draft, now, rewards=(RewardPlan(reward, week + 1, 1),))
    assert [problem.code for problem in lifecycle.problems_of(draft, now=now)] == ["reward_out_of_reach"]


def test_a_suspended_organization_publishes_nothing(
    draft: Campaign, studio: Organization, now: datetime
) -> None:
    studio.suspended_at = now
    studio.save()
    with pytest.raises(ValidationError, match="suspended"):
        lifecycle.publish_campaign(campaign=draft, now=now, actor=None)


def test_publishing_twice_is_publishing_once(published: Campaign, owner: User, now: datetime) -> None:
    again = lifecycle.publish_campaign(campaign=published, now=now + DAY, actor=owner)
    assert again.published_at == now
    assert AuditEvent.objects.filter(action="campaign.published").count() == 1


def test_before_the_start_everything_may_change_but_it_stays_publishable(
    published: Campaign, hat: Reward, channel: Channel, now: datetime
) -> None:
    changed = change(
        published,
        now,
        starts_at=now + 3 * DAY,
        ends_at=now + 4 * DAY,
        category=None,
        test_mode=True,
        channels=(channel,),
        rewards=(RewardPlan(hat, 120, 1),),
    )
    plan = plans.plan_of(changed)
    assert (plan.rewards, plan.channels) == ((RewardPlan(hat, 120, 1),), (channel,))
    assert "Attach at least one reward" in str(refused(published, now, rewards=()))


@pytest.fixture
def live(published: Campaign) -> datetime:
    """A moment at which the campaign is live."""
    return published.starts_at + DAY


def test_once_live_nothing_promised_is_taken_back(
    published: Campaign, live: datetime, hat: Reward, reward: Reward
) -> None:
    plan = plans.plan_of(published)
    assert published.phase(live) is CampaignPhase.LIVE
    for fields, field in (
        ({"starts_at": plan.starts_at + DAY}, "starts_at"),
        ({"ends_at": plan.ends_at - DAY}, "ends_at"),
        ({"grace_days": 0}, "grace_days"),
        ({"announcement_days": 0}, "announcement_days"),
        ({"category": None}, "category"),
        ({"test_mode": True}, "test_mode"),
        ({"rewards": (RewardPlan(reward, 61, 1),)}, "rewards"),
        ({"rewards": (RewardPlan(hat, 60, 1),)}, "rewards"),
    ):
        assert field in refused(published, live, **fields), field


def test_once_live_more_may_be_given(
    published: Campaign, live: datetime, hat: Reward, reward: Reward, channel: Channel
) -> None:
    plan = plans.plan_of(published)
    wanted = (RewardPlan(hat, 10, 1), RewardPlan(reward, 30, 2))
    changed = change(
        published,
        live,
        name="Long winter cup",
        ends_at=plan.ends_at + DAY,
        grace_days=5,
        rewards=wanted,
        channels=(channel,),
    )
    assert plans.plan_of(changed).rewards == wanted
    assert changed.ends_at == plan.ends_at + DAY


def test_test_mode_can_be_left_while_live(draft: Campaign, now: datetime) -> None:
    change(draft, now, test_mode=True)
    published = lifecycle.publish_campaign(campaign=draft, now=now, actor=None)
    assert change(published, published.starts_at + DAY, test_mode=False).test_mode is False


def test_after_the_end_only_the_last_day_to_claim_moves(
    published: Campaign, hat: Reward, reward: Reward, channel: Channel
) -> None:
    at = published.ends_at + DAY
    plan = plans.plan_of(published)
    assert published.phase(at) is CampaignPhase.GRACE
    more = (*plan.rewards, RewardPlan(hat, 10, 2))
    for fields, field in (
        ({"ends_at": plan.ends_at + DAY}, "ends_at"),
        ({"rewards": more}, "rewards"),
        ({"channels": (channel,)}, "channels"),
    ):
        assert field in refused(published, at, **fields), field
    changed = change(published, at, grace_days=30, rewards=(RewardPlan(reward, 5, 1),))
    assert changed.closes_at == plan.ends_at + 30 * DAY


def test_a_closed_campaign_does_not_change(published: Campaign) -> None:
    assert "closed" in str(refused(published, published.closes_at, name="Other"))


def test_rewards_may_swap_positions(published: Campaign, live: datetime, hat: Reward, reward: Reward) -> None:
    change(published, live, rewards=(RewardPlan(reward, 60, 1), RewardPlan(hat, 60, 2)))
    swapped = (RewardPlan(hat, 60, 1), RewardPlan(reward, 60, 2))
    assert plans.plan_of(change(published, live, rewards=swapped)).rewards == swapped


def test_withdrawing_stops_it_and_leaves_what_was_earned_claimable(
    published: Campaign, live: datetime, owner: User
) -> None:
    withdrawn = lifecycle.withdraw_campaign(campaign=published, now=live, actor=owner)
    assert withdrawn.phase(live) is CampaignPhase.WITHDRAWN
    assert withdrawn.phase(live).claimable
    assert lifecycle.withdraw_campaign(campaign=published, now=live + DAY, actor=owner).withdrawn_at == live
    with pytest.raises(ValidationError, match="cannot be published again"):
        lifecycle.publish_campaign(campaign=published, now=live, actor=owner)


def test_drafts_are_deleted_and_not_withdrawn(draft: Campaign, now: datetime) -> None:
    with pytest.raises(ValidationError, match="Only a published campaign"):
        lifecycle.withdraw_campaign(campaign=draft, now=now, actor=None)
    lifecycle.delete_draft(campaign=draft, now=now, actor=None)
    assert not Campaign.objects.exists()
    assert AuditEvent.objects.filter(action="campaign.deleted").exists()


def test_published_campaigns_are_not_deleted(published: Campaign, now: datetime) -> None:
    with pytest.raises(ValidationError, match="cannot be deleted"):
        lifecycle.delete_draft(campaign=published, now=now, actor=None)


def test_the_audit_trail_says_what_changed_from_what_to_what(published: Campaign, now: datetime) -> None:
    change(published, now, name="Autumn cup")
    assert AuditEvent.objects.get(action="campaign.changed").data == {"name": ["Winter cup", "Autumn cup"]}
