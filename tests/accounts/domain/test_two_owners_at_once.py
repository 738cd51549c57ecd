"""Owners who propose and answer at the same moment, with real threads on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from accounts.domain import apps, members, two_owners
from accounts.domain.two_owners import SecondOwnerNeeded
from accounts.models import AuditEvent, OAuthApp, Organization, User
from drops.domain.campaigns import lifecycle
from drops.models import Campaign
from tests import factories
from tests.accounts.domain.proposing import events, propose_withdrawal, proposed, withdraw
from tests.factories import NOW


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
