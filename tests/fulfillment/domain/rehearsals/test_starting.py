"""Who rehearses which campaign, how often, and what becomes of a draft that was rehearsed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent, MemberRole, Organization
from drops.domain.campaigns.lifecycle import delete_draft
from drops.models import Campaign, Grant
from fulfillment.domain.rehearsals import starting
from fulfillment.domain.rehearsals.starting import TooManyRehearsals
from fulfillment.models import Rehearsal
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_an_endpoint_that_takes_no_claims_is_not_chosen(rehearse, studio, rival_studio):
    for endpoint in (
        factories.WebhookEndpointFactory(organization=studio, verified_at=None),
        factories.WebhookEndpointFactory(organization=studio, deleted_at=NOW),
        factories.WebhookEndpointFactory(organization=rival_studio),
    ):
        with pytest.raises(ValidationError) as refused:
            rehearse(endpoint=endpoint)
        assert set(refused.value.message_dict) == {"endpoint"}


def test_the_reward_that_takes_least_or_the_one_that_was_chosen(rehearse, campaign, attached, owner_linked):
    short = factories.CampaignRewardFactory(campaign=campaign, required_minutes=5)
    assert rehearse().reward == short.reward
    assert rehearse(reward=attached.reward).grant.minutes == 60
    with pytest.raises(ValidationError) as refused:
        rehearse(reward=factories.RewardFactory(organization=campaign.organization))
    assert set(refused.value.message_dict) == {"reward"}


@pytest.mark.parametrize(
    "change",
    [
        {"test_mode": False},
        {"archived_at": NOW},
        {"published_at": NOW, "withdrawn_at": NOW},
        {
            "published_at": NOW - timedelta(days=9),
            "announces_at": NOW - timedelta(days=8),
            "starts_at": NOW - timedelta(days=8),
            "ends_at": NOW - timedelta(days=7),
            "closes_at": NOW,
        },
    ],
)
def test_only_a_campaign_in_test_mode_that_is_not_over(rehearse, campaign, change):
    for name, value in change.items():
        setattr(campaign, name, value)
    campaign.save()
    with pytest.raises(ValidationError):
        rehearse()
    assert not Rehearsal.objects.exists()
    assert not Grant.objects.exists()


@pytest.mark.parametrize("role", MemberRole)
def test_who_may_start_one(rehearse, studio, role):
    person = factories.MembershipFactory(organization=studio, role=role).user
    if role in (MemberRole.OWNER, MemberRole.MANAGER, MemberRole.DEVELOPER):
        assert rehearse(actor=person, viewer=person, stand_in=True).state == "passed"
    else:
        with pytest.raises(PermissionDenied):
            rehearse(actor=person, viewer=person)


def test_only_members_who_test_are_granted_anything(rehearse, owner, stranger, studio, rival_owner):
    analyst = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user
    for person in (stranger, rival_owner, analyst):
        with pytest.raises(ValidationError) as refused:
            rehearse(viewer=person)
        assert set(refused.value.message_dict) == {"viewer"}
    assert not Grant.objects.exists()


@pytest.mark.parametrize("change", [{"approved_at": None}, {"suspended_at": NOW}])
def test_only_an_active_organization_rehearses(rehearse, studio, studio_app, owner, change):
    Organization.objects.filter(pk=studio.pk).update(**change)
    with pytest.raises(PermissionDenied):
        rehearse()


def test_runs_are_bounded(rehearse, now, monkeypatch):
    for _ in range(starting.PER_MINUTE):
        rehearse(stand_in=True)
    with pytest.raises(TooManyRehearsals, match="in a minute"):
        rehearse(stand_in=True)
    monkeypatch.setattr(starting, "PER_DAY", starting.PER_MINUTE)
    with pytest.raises(TooManyRehearsals, match="in a day"):
        rehearse(stand_in=True, now=now + timedelta(hours=1))


def test_one_at_a_time(rehearse, left_alone):
    left_alone()
    with pytest.raises(ValidationError, match="under way"):
        rehearse()


def test_a_draft_that_was_rehearsed_is_archived_instead_of_deleted(
    rehearse, campaign, owner, owner_linked, now
):
    rehearse()
    with pytest.raises(ValidationError, match="Archive it"):
        delete_draft(campaign=campaign, now=now, actor=owner)


def test_a_draft_with_a_run_that_was_killed_before_its_grant_is_not_deleted_either(
    campaign, attached, owner, now
):
    starting.start_rehearsal(campaign=campaign, viewer=owner, actor=owner, now=now)
    with pytest.raises(ValidationError, match="Archive it"):
        delete_draft(campaign=campaign, now=now, actor=owner)
    assert not AuditEvent.objects.filter(action="campaign.deleted").exists()


def test_a_draft_that_was_deleted_meanwhile_is_not_rehearsed(campaign, attached, studio_app, owner, now):
    as_looked_at = Campaign.objects.select_related("organization").get(pk=campaign.pk)
    delete_draft(campaign=campaign, now=now, actor=owner)
    with pytest.raises(Campaign.DoesNotExist):
        starting.start_rehearsal(campaign=as_looked_at, viewer=owner, actor=studio_app, now=now)


def test_a_campaign_that_left_test_mode_meanwhile_is_not_rehearsed(campaign, attached, owner, now):
    as_looked_at = Campaign.objects.select_related("organization").get(pk=campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(test_mode=False)
    with pytest.raises(ValidationError, match="in test mode"):
        starting.start_rehearsal(campaign=as_looked_at, viewer=owner, actor=owner, now=now)
