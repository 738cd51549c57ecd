"""What does most harm waits for a second owner, where an organization wants it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from accounts.audit_words import CODES
from accounts.domain import apps, invitations, members, organizations, two_owners
from accounts.domain.two_owners import ACTS, RuleState, SecondOwnerNeeded
from accounts.models import (
    AuditEvent,
    MemberRole,
    Membership,
    OAuthApp,
    Organization,
    Proposal,
    ProposalState,
    User,
)
from drops.domain.campaigns import lifecycle
from drops.models import Campaign
from fulfillment.domain.delivery import endpoints
from fulfillment.models import WebhookEndpoint
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


def withdraw(campaign: Campaign, actor: Any, now: datetime = NOW) -> None:
    lifecycle.withdraw_campaign(campaign=campaign, now=now, actor=actor)


def proposed(verb: Callable[[], object], actor: User, now: datetime = NOW) -> Proposal:
    """What comes of it where a second owner is needed."""
    with pytest.raises(SecondOwnerNeeded) as needed:
        verb()
    return two_owners.propose(needed.value, now=now, actor=actor)


def propose_withdrawal(campaign: Campaign, actor: User) -> Proposal:
    return proposed(lambda: withdraw(campaign, actor), actor)


def events(*, of: Any = None) -> list[tuple[str, int | None]]:
    found = AuditEvent.objects.all()
    if of is not None:
        found = found.filter(target_type=of._meta.label_lower, target_id=str(of.pk))
    return list(found.order_by("pk").values_list("action", "actor"))


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


# Proposals


def test_whoever_proposed_it_does_not_agree_or_refuse_but_takes_it_back(
    ruled: Organization, owner: User, second_owner: User, campaign: Campaign
) -> None:
    proposal = propose_withdrawal(campaign, owner)
    for answer in (two_owners.agree, two_owners.refuse):
        with pytest.raises(ValidationError, match="proposed this yourself"):
            answer(proposal=proposal, now=NOW, actor=owner)
    with pytest.raises(ValidationError, match="Only the person who proposed it"):
        two_owners.take_back(proposal=proposal, now=NOW, actor=second_owner)
    two_owners.take_back(proposal=proposal, now=NOW, actor=owner)
    with pytest.raises(ValidationError, match="answered already"):
        two_owners.agree(proposal=proposal, now=NOW, actor=second_owner)
    assert events(of=campaign) == [("proposal.made", owner.pk), ("proposal.taken_back", owner.pk)]
    propose_withdrawal(campaign, owner)


def test_a_refused_proposal_is_over_and_can_be_made_anew(
    ruled: Organization, owner: User, second_owner: User, campaign: Campaign
) -> None:
    proposal = propose_withdrawal(campaign, owner)
    two_owners.refuse(proposal=proposal, now=NOW, actor=second_owner)
    with pytest.raises(ValidationError, match="answered already"):
        two_owners.agree(proposal=proposal, now=NOW, actor=second_owner)
    campaign.refresh_from_db()
    assert campaign.withdrawn_at is None
    two_owners.agree(proposal=propose_withdrawal(campaign, owner), now=NOW, actor=second_owner)


def test_owners_of_that_organization_alone_answer(
    ruled: Organization, owner: User, manager: User, rival_owner: User, stranger: User, campaign: Campaign
) -> None:
    proposal = propose_withdrawal(campaign, owner)
    for actor in (manager, rival_owner, stranger):
        for answer in (two_owners.agree, two_owners.refuse):
            with pytest.raises(PermissionDenied):
                answer(proposal=proposal, now=NOW, actor=actor)
    assert Proposal.objects.get().state == ProposalState.OPEN


def test_the_same_is_proposed_once_at_a_time(
    ruled: Organization, owner: User, second_owner: User, campaign: Campaign
) -> None:
    propose_withdrawal(campaign, owner)
    with pytest.raises(SecondOwnerNeeded) as needed:
        withdraw(campaign, second_owner)
    with pytest.raises(ValidationError, match="owner has proposed this already"):
        two_owners.propose(needed.value, now=NOW, actor=second_owner)
    assert Proposal.objects.count() == 1


def test_a_person_proposes_only_so_much_a_day(
    ruled: Organization, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(two_owners, "MOST_A_DAY", 2)
    campaigns = factories.CampaignFactory.create_batch(3, organization=ruled)
    for campaign in campaigns[:2]:
        propose_withdrawal(campaign, owner)
    with pytest.raises(ValidationError, match="at most 2 things a day"):
        propose_withdrawal(campaigns[2], owner)


def test_a_proposal_expires_by_the_clock(
    ruled: Organization, owner: User, second_owner: User, campaign: Campaign
) -> None:
    proposal = propose_withdrawal(campaign, owner)
    before, after = (
        proposal.expires_at - timedelta(microseconds=1),
        NOW + timedelta(days=7),
    )
    assert two_owners.waiting(ruled, now=before).get() == proposal
    assert not two_owners.waiting(ruled, now=after).exists()
    assert proposal.state_at(before) is ProposalState.OPEN
    assert proposal.state_at(after) is ProposalState.EXPIRED
    for answer, actor in ((two_owners.agree, second_owner), (two_owners.take_back, owner)):
        with pytest.raises(ValidationError, match="has expired"):
            answer(proposal=proposal, now=after, actor=actor)
    # It stands in nobody's way, though nothing has noted that it is over.
    campaign.ends_at = campaign.closes_at = after + timedelta(days=1)
    campaign.save()
    anew = proposed(lambda: withdraw(campaign, owner, after), owner, after)
    assert anew.expires_at == after + timedelta(days=7)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.answered_at) == (ProposalState.EXPIRED, after)


def test_what_expired_is_noted_once(ruled: Organization, owner: User, campaign: Campaign) -> None:
    proposal = propose_withdrawal(campaign, owner)
    for now in (NOW, proposal.expires_at, proposal.expires_at):
        two_owners.note_expired(now=now)
    assert events(of=campaign) == [("proposal.made", owner.pk), ("proposal.expired", None)]


def test_a_yes_is_to_what_was_proposed_alone(
    ruled: Organization, owner: User, second_owner: User, campaign: Campaign
) -> None:
    """Neither for another row, nor for another act, nor in other words."""
    proposal = propose_withdrawal(campaign, owner)
    another = factories.CampaignFactory(organization=ruled)
    with pytest.raises(PermissionDenied, match="agreed to something else"):
        lifecycle.withdraw_campaign(campaign=another, now=NOW, actor=owner, agreed=proposal)
    app, _another = factories.OAuthAppFactory.create_batch(2, organization=ruled)
    rotation = proposed(lambda: apps.rotate_secret(app=app, now=NOW, actor=owner), owner)
    for verb in (
        lambda: apps.rotate_secret(app=app, now=NOW, actor=owner, overlap=timedelta(), agreed=rotation),
        lambda: apps.delete_app(app=app, now=NOW, actor=owner, agreed=rotation),
    ):
        with pytest.raises(PermissionDenied, match="agreed to something else"):
            verb()


def test_the_one_who_agrees_gets_the_secret_and_it_is_written_nowhere(
    ruled: Organization, owner: User, second_owner: User, studio_app: OAuthApp
) -> None:
    proposal = proposed(lambda: apps.rotate_secret(app=studio_app, now=NOW, actor=owner), owner)
    secret = two_owners.agree(proposal=proposal, now=NOW, actor=second_owner)
    assert len(secret) > 40
    written = [*Proposal.objects.values(), *AuditEvent.objects.values(), *OAuthApp.objects.values()]
    assert secret not in str(written)
    studio_app.refresh_from_db()
    assert studio_app.previous_secret_expires_at == NOW + apps.SECRET_OVERLAP


# What changed meanwhile


def test_it_is_judged_anew_at_the_yes(
    ruled: Organization, owner: User, second_owner: User, campaign: Campaign
) -> None:
    proposal = propose_withdrawal(campaign, owner)
    closed = NOW + timedelta(days=6)
    Campaign.objects.filter(pk=campaign.pk).update(ends_at=closed, closes_at=closed)
    with pytest.raises(ValidationError, match="has closed"):
        two_owners.agree(proposal=proposal, now=closed, actor=second_owner)
    campaign.refresh_from_db()
    assert campaign.withdrawn_at is None
    assert Proposal.objects.get().state == ProposalState.OPEN
    assert events(of=campaign) == [("proposal.made", owner.pk)]


def test_a_row_that_is_gone_is_not_asked(ruled: Organization, owner: User, second_owner: User) -> None:
    leaving = factories.MembershipFactory(organization=ruled)
    proposal = proposed(lambda: members.remove_member(membership=leaving, now=NOW, actor=owner), owner)
    members.leave(membership=leaving, now=NOW)
    with pytest.raises(ValidationError, match="no longer there"):
        two_owners.agree(proposal=proposal, now=NOW, actor=second_owner)


@pytest.mark.parametrize("change", ["removed", "made an analyst", "locked"])
def test_whoever_proposed_it_may_still_do_it_at_the_yes(
    ruled: Organization, owner: User, manager: User, campaign: Campaign, change: str
) -> None:
    proposal, theirs = propose_withdrawal(campaign, manager), ruled.memberships.get(user=manager)
    match change:
        case "removed":
            members.remove_member(membership=theirs, now=NOW, actor=owner)
        case "made an analyst":
            members.change_role(membership=theirs, role=MemberRole.ANALYST, now=NOW, actor=owner)
        case "locked":
            User.objects.filter(pk=manager.pk).update(is_active=False)
    with pytest.raises(ValidationError, match="manager, who proposed this, is no longer allowed"):
        two_owners.agree(proposal=proposal, now=NOW, actor=owner)
    campaign.refresh_from_db()
    assert campaign.withdrawn_at is None
    two_owners.refuse(proposal=proposal, now=NOW, actor=owner)


def test_a_suspended_organization_agrees_to_nothing(
    ruled: Organization, owner: User, second_owner: User, operator: User, campaign: Campaign
) -> None:
    proposal = propose_withdrawal(campaign, owner)
    organizations.suspend_organization(organization=ruled, reason="Fraud", now=NOW, actor=operator)
    with pytest.raises(PermissionDenied, match="suspended"):
        two_owners.agree(proposal=proposal, now=NOW, actor=second_owner)


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


# At once


def answers(*calls: Callable[[], object]) -> list[str]:
    """What each of the `calls` came to, made at the same moment: "" or why not."""
    together = Barrier(len(calls))

    def attempt(call: Callable[[], object]) -> str:
        together.wait()
        try:
            call()
        except (ValidationError, PermissionDenied, SecondOwnerNeeded) as refusal:
            return str(refusal)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(attempt, calls))


@pytest.fixture
def third_owner(studio: Organization) -> User:
    return factories.MembershipFactory(organization=studio, user__username="third_owner").user


at_once = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


class TestAtOnce:
    pytestmark = at_once

    @pytest.mark.parametrize("turn", range(3))
    def test_two_owners_who_agree_do_it_once(
        self,
        turn: int,
        ruled: Organization,
        owner: User,
        second_owner: User,
        third_owner: User,
        studio_app: OAuthApp,
    ) -> None:
        proposal = proposed(lambda: apps.rotate_secret(app=studio_app, now=NOW, actor=owner), owner)
        said = answers(
            *(
                lambda actor=actor: two_owners.agree(proposal=proposal, now=NOW, actor=actor)
                for actor in (second_owner, third_owner)
            )
        )
        assert min(said) == ""
        assert "answered already" in max(said)
        assert AuditEvent.objects.filter(action="app.secret_rotated").count() == 1

    @pytest.mark.parametrize("turn", range(3))
    def test_of_a_yes_a_no_and_a_change_of_mind_one_counts(
        self,
        turn: int,
        ruled: Organization,
        owner: User,
        second_owner: User,
        third_owner: User,
        campaign: Campaign,
    ) -> None:
        proposal = propose_withdrawal(campaign, owner)
        said = answers(
            lambda: two_owners.agree(proposal=proposal, now=NOW, actor=second_owner),
            lambda: two_owners.refuse(proposal=proposal, now=NOW, actor=third_owner),
            lambda: two_owners.take_back(proposal=proposal, now=NOW, actor=owner),
            lambda: two_owners.note_expired(now=proposal.expires_at),
        )
        happened = {action for action, _actor in events(of=campaign)} - {"proposal.made"}
        assert sum(action.startswith("proposal.") for action in happened) == 1
        campaign.refresh_from_db()
        assert (campaign.withdrawn_at is not None) == ("proposal.agreed" in happened) == (said[0] == "")

    @pytest.mark.parametrize("turn", range(3))
    def test_the_one_who_asked_is_removed_at_that_moment(
        self,
        turn: int,
        ruled: Organization,
        owner: User,
        second_owner: User,
        manager: User,
        campaign: Campaign,
    ) -> None:
        proposal, theirs = propose_withdrawal(campaign, manager), ruled.memberships.get(user=manager)
        agreed, removed = answers(
            lambda: two_owners.agree(proposal=proposal, now=NOW, actor=second_owner),
            lambda: members.remove_member(membership=theirs, now=NOW, actor=owner),
        )
        assert removed == ""
        order = list(
            AuditEvent.objects.filter(action__in=("campaign.withdrawn", "member.removed"))
            .order_by("pk")
            .values_list("action", flat=True)
        )
        if agreed:
            assert "no longer allowed" in agreed
            assert order == ["member.removed"]
        else:
            assert order == ["campaign.withdrawn", "member.removed"]

    @pytest.mark.parametrize("turn", range(3))
    def test_an_operator_withdraws_the_campaign_at_that_moment(
        self,
        turn: int,
        ruled: Organization,
        owner: User,
        second_owner: User,
        operator: User,
        campaign: Campaign,
    ) -> None:
        proposal = propose_withdrawal(campaign, owner)
        assert answers(
            lambda: two_owners.agree(proposal=proposal, now=NOW, actor=second_owner),
            lambda: withdraw(campaign, operator),
        ) == ["", ""]
        assert AuditEvent.objects.filter(action="campaign.withdrawn").count() == 1

    @pytest.mark.parametrize("turn", range(3))
    def test_nothing_slips_through_while_the_rule_is_turned_on(
        self, turn: int, studio: Organization, owner: User, second_owner: User, campaign: Campaign
    ) -> None:
        turned, withdrawn = answers(
            lambda: two_owners.turn_on(organization=studio, now=NOW, actor=owner),
            lambda: withdraw(campaign, second_owner),
        )
        assert turned == ""
        order = [action for action, _actor in events()]
        expected = ["campaign.withdrawn"] if not withdrawn else []
        assert order == [*expected, "organization.two_owner_rule_on"]

    @pytest.mark.parametrize("turn", range(3))
    def test_two_who_propose_the_same_make_one_proposal(
        self, turn: int, ruled: Organization, owner: User, second_owner: User, campaign: Campaign
    ) -> None:
        needed = SecondOwnerNeeded(lifecycle.WITHDRAW, campaign, {})
        said = answers(
            *(
                lambda actor=actor: two_owners.propose(needed, now=NOW, actor=actor)
                for actor in (owner, second_owner)
            )
        )
        assert min(said) == ""
        assert "proposed this already" in max(said)
