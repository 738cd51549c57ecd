"""A campaign is run again on other dates."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent, MemberRole, Organization, User
from drops.domain.campaigns.copies import copy_campaign, next_start
from drops.domain.campaigns.plans import plan_of
from drops.models import Campaign, Category
from tests import factories
from tests.factories import NOW

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


@pytest.fixture
def campaign(studio: Organization, category: Category) -> Campaign:
    made = factories.CampaignFactory(organization=studio, category=category, name="Storm season")
    for minutes in (30, 90):
        factories.CampaignRewardFactory(campaign=made, required_minutes=minutes)
    factories.AllowedChannelFactory(campaign=made)
    return made


def test_a_copy_is_a_draft_whose_dates_keep_their_distances(campaign: Campaign, owner: User) -> None:
    starts_at = campaign.starts_at + 3 * DAY + HOUR
    made = copy_campaign(campaign=campaign, starts_at=starts_at, name="Storm II", now=NOW, actor=owner)
    before, after = plan_of(campaign), plan_of(Campaign.objects.get(pk=made.pk))
    for name in ("announces_at", "starts_at", "ends_at", "closes_at"):
        assert getattr(after, name) - getattr(before, name) == 3 * DAY + HOUR
    assert (after.name, after.rewards, after.channels, after.category, after.info_url) == (
        "Storm II",
        before.rewards,
        before.channels,
        before.category,
        before.info_url,
    )
    assert made.published_at is None
    event = AuditEvent.objects.get(action="campaign.created")
    assert (event.target_id, event.data["copied_from"], event.actor) == (made.pk, campaign.pk, owner)


@pytest.mark.parametrize(
    ("ago", "ahead"),
    [
        (-3 * DAY, WEEK),  # it is yet to start: a week after it
        (timedelta(), WEEK),
        (DAY, WEEK),
        (WEEK - HOUR, WEEK),
        (WEEK, 2 * WEEK),  # a week later would be this very moment
        (30 * DAY, 5 * WEEK),
    ],
)
def test_the_next_start_is_the_same_time_of_a_week_to_come(
    campaign: Campaign, ago: timedelta, ahead: timedelta
) -> None:
    campaign.starts_at = NOW - ago
    assert next_start(campaign, NOW) == campaign.starts_at + ahead
    assert next_start(campaign, NOW) > NOW


def test_what_can_be_no_more_is_said_and_nothing_is_made(campaign: Campaign, owner: User) -> None:
    reward = campaign.campaign_rewards.first().reward
    reward.archived_at = NOW
    reward.save()
    with pytest.raises(ValidationError, match="is archived") as refusal:
        copy_campaign(campaign=campaign, starts_at=NOW + WEEK, name="Storm II", now=NOW, actor=owner)
    assert refusal.value.message_dict.keys() == {"rewards"}
    assert Campaign.objects.get() == campaign


def test_only_those_who_change_campaigns_copy_them(
    studio: Organization, campaign: Campaign, rival_owner: User
) -> None:
    analyst = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user
    for actor in (analyst, rival_owner):
        with pytest.raises(PermissionDenied):
            copy_campaign(campaign=campaign, starts_at=NOW + WEEK, name="Storm II", now=NOW, actor=actor)
