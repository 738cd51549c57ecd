from __future__ import annotations

from datetime import datetime

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.domain import members
from accounts.models import AuditEvent, MemberRole, Membership, Organization, User


@pytest.fixture
def careful(stranger: User) -> User:
    Authenticator.objects.create(user=stranger, type=Authenticator.Type.TOTP, data={})
    return stranger


def test_a_member_needs_a_second_factor(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    def add() -> Membership:
        return members.add_member(
            organization=studio, user=stranger, role=MemberRole.MEMBER, now=now, actor=owner
        )

    with pytest.raises(ValidationError, match="two-factor"):
        add()
    Authenticator.objects.create(user=stranger, type=Authenticator.Type.RECOVERY_CODES, data={})
    with pytest.raises(ValidationError, match="two-factor"):
        add()
    Authenticator.objects.create(user=stranger, type=Authenticator.Type.TOTP, data={})
    assert add().role == MemberRole.MEMBER
    with pytest.raises(ValidationError, match="already"):
        add()
    assert AuditEvent.objects.get().data["username"] == "stranger"


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


def test_only_owners_of_the_same_organization_change_members(
    studio: Organization, member: User, rival_owner: User, careful: User, now: datetime
) -> None:
    for actor in (member, rival_owner, careful):
        with pytest.raises(PermissionDenied):
            members.add_member(organization=studio, user=careful, role=MemberRole.OWNER, now=now, actor=actor)
    assert not studio.memberships.filter(user=careful).exists()


def test_a_role_changes_and_the_change_is_noted(
    studio: Organization, owner: User, member: User, now: datetime
) -> None:
    membership = studio.memberships.get(user=member)
    members.change_role(membership=membership, role=MemberRole.OWNER, now=now, actor=owner)
    assert studio.memberships.get(user=member).role == MemberRole.OWNER
    assert AuditEvent.objects.get().action == "member.role_changed"
