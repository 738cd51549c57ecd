"""What does most harm waits for a second owner, where an organization wants it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.audit_words import CODES
from accounts.domain import apps, invitations, members, two_owners
from accounts.domain.two_owners import ACTS, RuleState, SecondOwnerNeeded
from accounts.models import MemberRole, Membership, OAuthApp, Organization, Proposal, ProposalState, User
from drops.domain.campaigns import lifecycle
from drops.models import Campaign
from fulfillment.domain.delivery import endpoints
from fulfillment.models import WebhookEndpoint
from tests import factories
from tests.accounts.domain.proposing import events, propose_withdrawal, proposed, withdraw
from tests.factories import NOW

# What waits

Verb = Callable[[Organization, User], tuple[Any, Callable[..., object], Callable[[Any], bool]]]


def _campaign(studio: Organization, actor: User) -> Any:
    row = factories.CampaignFactory(organization=studio)
    return row, lambda: withdraw(row, actor), lambda: Campaign.objects.get(pk=row.pk).withdrawn_at is not None


def _ending(studio: Organization, actor: User) -> Any:
    row = factories.CampaignFactory(organization=studio)
    now = NOW + timedelta(hours=1)
    return (
        row,
        lambda: lifecycle.end_campaign(campaign=row, now=now, actor=actor),
        lambda: Campaign.objects.get(pk=row.pk).ends_at < row.ends_at,
    )


def _rotation(studio: Organization, actor: User) -> Any:
    row = factories.OAuthAppFactory(organization=studio)
    secret = row.client_secret
    return (
        row,
        lambda: apps.rotate_secret(app=row, now=NOW, actor=actor, overlap=timedelta()),
        lambda: OAuthApp.objects.get(pk=row.pk).client_secret != secret,
    )


def _app(studio: Organization, actor: User) -> Any:
    row = factories.OAuthAppFactory(organization=studio)
    return (
        row,
        lambda: apps.delete_app(app=row, now=NOW, actor=actor),
        lambda: OAuthApp.objects.get(pk=row.pk).deleted_at is not None,
    )


def _endpoint(studio: Organization, actor: User) -> Any:
    row = factories.WebhookEndpointFactory(organization=studio)
    return (
        row,
        lambda: endpoints.delete_endpoint(endpoint=row, now=NOW, actor=actor),
        lambda: WebhookEndpoint.objects.get(pk=row.pk).deleted_at is not None,
    )


def _removal(studio: Organization, actor: User) -> Any:
    row = factories.MembershipFactory(organization=studio)
    return (
        row,
        lambda: members.remove_member(membership=row, now=NOW, actor=actor),
        lambda: not Membership.objects.filter(pk=row.pk).exists(),
    )


def _demotion(studio: Organization, actor: User) -> Any:
    row = factories.MembershipFactory(organization=studio)
    return (
        row,
        lambda: members.change_role(membership=row, role=MemberRole.ANALYST, now=NOW, actor=actor),
        lambda: Membership.objects.get(pk=row.pk).role == MemberRole.ANALYST,
    )


def _promotion(studio: Organization, actor: User) -> Any:
    row = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST)
    return (
        row,
        lambda: members.change_role(membership=row, role=MemberRole.OWNER, now=NOW, actor=actor),
        lambda: Membership.objects.get(pk=row.pk).role == MemberRole.OWNER,
    )


def _rule(studio: Organization, actor: User) -> Any:
    return (
        studio,
        lambda: two_owners.turn_off(organization=studio, now=NOW, actor=actor),
        lambda: Organization.objects.get(pk=studio.pk).two_owners_since is None,
    )


VERBS = [_campaign, _ending, _rotation, _app, _endpoint, _removal, _demotion, _promotion, _rule]


@pytest.mark.parametrize("made", VERBS)
def test_it_waits_for_the_other_owner_and_is_done_at_their_yes(
    ruled: Organization, owner: User, second_owner: User, made: Any
) -> None:
    row, verb, is_done = made(ruled, owner)
    proposal = proposed(verb, owner)
    assert not is_done()
    two_owners.agree(proposal=proposal, now=NOW + timedelta(days=1), actor=second_owner)
    assert is_done()
    happened = [event for event in events(of=row) if event[0] != "organization.two_owner_rule_on"]
    assert happened[:2] == [("proposal.made", owner.pk), ("proposal.agreed", second_owner.pk)]
    assert {actor for _action, actor in happened[2:]} == {owner.pk}
    proposal.refresh_from_db()
    assert (proposal.state, proposal.answered_by) == (ProposalState.AGREED, second_owner)


@pytest.mark.parametrize("made", VERBS[:-1])
def test_it_goes_ahead_without_the_rule(
    studio: Organization, owner: User, second_owner: User, made: Any
) -> None:
    _row, verb, is_done = made(studio, owner)
    verb()
    assert is_done()
    assert not Proposal.objects.exists()


def test_every_act_has_words_and_is_tried(ruled: Organization, owner: User) -> None:
    assert ACTS.keys() == CODES["act"].keys()
    for made in VERBS:
        proposed(made(ruled, owner)[1], owner)
    assert set(Proposal.objects.values_list("act", flat=True)) == set(ACTS)


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, True),
        ({"starts_at": NOW + timedelta(hours=1)}, False),
        ({"ends_at": NOW - timedelta(hours=1)}, False),
        ({"test_mode": True}, False),
    ],
)
def test_only_the_withdrawal_of_a_live_campaign_waits(
    ruled: Organization, owner: User, campaign: Campaign, changes: dict[str, Any], waits: bool
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(**changes)
    if waits:
        propose_withdrawal(campaign, owner)
    else:
        withdraw(campaign, owner)
    campaign.refresh_from_db()
    assert (campaign.withdrawn_at is None) == waits


def test_members_who_are_no_owners_come_and_go_without_a_second_owner(
    ruled: Organization, owner: User, member: User
) -> None:
    theirs = ruled.memberships.get(user=member)
    members.change_role(membership=theirs, role=MemberRole.SUPPORT, now=NOW, actor=owner)
    members.remove_member(membership=theirs, now=NOW, actor=owner)
    assert not ruled.memberships.filter(user=member).exists()


def test_a_manager_proposes_and_an_owner_agrees(
    ruled: Organization, owner: User, manager: User, campaign: Campaign
) -> None:
    proposal = propose_withdrawal(campaign, manager)
    two_owners.agree(proposal=proposal, now=NOW, actor=owner)
    campaign.refresh_from_db()
    assert campaign.withdrawn_at == NOW


def test_operators_and_the_system_do_not_wait(
    ruled: Organization, operator: User, studio_app: OAuthApp, campaign: Campaign
) -> None:
    apps.rotate_secret(app=studio_app, now=NOW, actor=None)
    withdraw(campaign, operator)
    campaign.refresh_from_db()
    assert campaign.withdrawn_at == NOW


def test_an_app_of_the_organization_waits_too(
    ruled: Organization, studio_app: OAuthApp, campaign: Campaign
) -> None:
    with pytest.raises(SecondOwnerNeeded):
        withdraw(campaign, studio_app)


# The rule itself


def test_the_rule_needs_two_owners_who_can_sign_in(studio: Organization, owner: User, member: User) -> None:
    with pytest.raises(ValidationError, match="needs two owners"):
        two_owners.turn_on(organization=studio, now=NOW, actor=owner)
    locked = factories.MembershipFactory(organization=studio, user__is_active=False)
    with pytest.raises(ValidationError, match="needs two owners"):
        two_owners.turn_on(organization=studio, now=NOW, actor=owner)
    User.objects.filter(pk=locked.user_id).update(is_active=True)
    with pytest.raises(PermissionDenied):
        two_owners.turn_on(organization=studio, now=NOW, actor=member)
    for _twice in range(2):
        two_owners.turn_on(organization=studio, now=NOW, actor=owner)
    assert events() == [("organization.two_owner_rule_on", owner.pk)]


def test_no_owner_comes_in_by_an_invitation(studio: Organization, owner: User, second_owner: User) -> None:
    """Or one owner alone could make themselves a second one, and agree with both hands."""
    invited = invitations.invite(
        organization=studio, invited="puppet", role=MemberRole.OWNER, now=NOW, actor=owner
    )
    with pytest.raises(ValidationError, match="invited as an owner"):
        two_owners.turn_on(organization=studio, now=NOW, actor=second_owner)
    invitations.take_back(invitation=invited, now=NOW, actor=second_owner)
    two_owners.turn_on(organization=studio, now=NOW, actor=second_owner)
    for role, refused in ((MemberRole.OWNER, True), (MemberRole.MANAGER, False)):
        with pytest.raises(ValidationError, match="another role first") if refused else nullcontext():
            invitations.invite(organization=studio, invited="puppet", role=role, now=NOW, actor=owner)


def test_with_one_owner_left_the_rule_rests_and_comes_back(
    ruled: Organization, owner: User, second_owner: User, campaign: Campaign, member: User
) -> None:
    members.leave(membership=ruled.memberships.get(user=second_owner), now=NOW)
    assert two_owners.state_of(ruled) is RuleState.ASLEEP
    members.change_role(
        membership=ruled.memberships.get(user=member), role=MemberRole.OWNER, now=NOW, actor=owner
    )
    assert two_owners.state_of(ruled) is RuleState.ON
    two_owners.agree(proposal=propose_withdrawal(campaign, owner), now=NOW, actor=member)


def test_a_sole_owner_turns_the_resting_rule_off(
    ruled: Organization, owner: User, second_owner: User
) -> None:
    User.objects.filter(pk=second_owner.pk).update(is_active=False)
    two_owners.turn_off(organization=ruled, now=NOW, actor=owner)
    ruled.refresh_from_db()
    assert two_owners.state_of(ruled) is RuleState.OFF


def test_an_operator_lifts_the_rule(
    ruled: Organization, owner: User, operator: User, campaign: Campaign
) -> None:
    for actor in (owner, campaign.organization.memberships.first().user):
        with pytest.raises(PermissionDenied):
            two_owners.lift(organization=ruled, reason="Nobody answers", now=NOW, actor=actor)
    two_owners.lift(organization=ruled, reason="Nobody answers", now=NOW, actor=operator)
    with pytest.raises(ValidationError, match="is off"):
        two_owners.lift(organization=ruled, reason="Nobody answers", now=NOW, actor=operator)
    assert events(of=ruled)[-1] == ("organization.two_owner_rule_off", operator.pk)
    withdraw(campaign, owner)
