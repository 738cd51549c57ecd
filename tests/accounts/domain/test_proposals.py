"""What waits for a second owner is proposed, and answered once, by somebody else, for what was proposed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.domain import apps, members, organizations, two_owners
from accounts.domain.two_owners import SecondOwnerNeeded
from accounts.models import AuditEvent, MemberRole, OAuthApp, Organization, Proposal, ProposalState, User
from drops.domain.campaigns import lifecycle
from drops.models import Campaign
from tests import factories
from tests.accounts.domain.proposing import events, propose_withdrawal, proposed, withdraw
from tests.factories import NOW


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
