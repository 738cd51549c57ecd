"""Owners and members stay what they are, there and back; a new role is one of before that changes nothing."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from accounts.models import MemberRole, Membership, Organization, User
from tests import factories


def test_members_keep_their_roles(migrate, studio: Organization, owner: User, member: User) -> None:
    analyst = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user

    def roles() -> dict[int, str]:
        return dict(Membership.objects.values_list("user", "role"))

    migrate("accounts", "0004_add_email_changes")
    assert roles() == {owner.pk: "owner", member.pk: "member", analyst.pk: "member"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.filter(user=member).update(role="manager")
    migrate()
    assert roles() == {owner.pk: "owner", member.pk: "member", analyst.pk: "member"}
    Membership.objects.filter(user=member).update(role="manager")
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.filter(user=member).update(role="nobody")
