from __future__ import annotations

from datetime import datetime

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.domain import members
from accounts.domain.organizations import suspend_organization
from accounts.models import AuditEvent, MemberRole, Organization, User


def test_owners_remove_other_owners_but_not_themselves(
    studio: Organization, owner: User, second_owner: User, now: datetime
) -> None:
    mine = studio.memberships.get(user=owner)
    with pytest.raises(ValidationError, match="yourself"):
        members.remove_member(membership=mine, now=now, actor=owner)
    with pytest.raises(ValidationError, match="yourself"):
        members.change_role(membership=mine, role=MemberRole.MEMBER, now=now, actor=owner)
    members.remove_member(membership=studio.memberships.get(user=second_owner), now=now, actor=owner)
    assert list(studio.memberships.all()) == [mine]


def test_two_owners_who_remove_each_other_leave_one(
    studio: Organization, owner: User, second_owner: User, now: datetime
) -> None:
    mine, theirs = studio.memberships.get(user=owner), studio.memberships.get(user=second_owner)
    members.remove_member(membership=theirs, now=now, actor=owner)
    with pytest.raises(PermissionDenied):
        members.remove_member(membership=mine, now=now, actor=second_owner)
    assert studio.memberships.get() == mine


def test_everybody_may_leave_but_the_last_owner(
    studio: Organization, owner: User, second_owner: User, member: User, now: datetime
) -> None:
    for user in (member, second_owner):
        members.leave(membership=studio.memberships.get(user=user), now=now)
    with pytest.raises(ValidationError, match="only owner"):
        members.leave(membership=studio.memberships.get(user=owner), now=now)
    assert [membership.user for membership in studio.memberships.all()] == [owner]
    assert set(AuditEvent.objects.values_list("action", "actor")) == {
        ("member.left", member.pk),
        ("member.left", second_owner.pk),
    }


def test_a_suspended_organization_can_be_left(
    studio: Organization, owner: User, member: User, operator: User, now: datetime
) -> None:
    suspend_organization(organization=studio, reason="Fraud", now=now, actor=operator)
    members.leave(membership=studio.memberships.get(user=member), now=now)
    assert not studio.memberships.filter(user=member).exists()


def test_a_role_changes_and_the_change_is_noted(
    studio: Organization, owner: User, member: User, now: datetime
) -> None:
    membership = studio.memberships.get(user=member)
    members.change_role(membership=membership, role=MemberRole.OWNER, now=now, actor=owner)
    assert studio.memberships.get(user=member).role == MemberRole.OWNER
    assert AuditEvent.objects.get().action == "member.role_changed"
