"""Who belongs to an organization. Owners add and remove anybody but themselves, so that one always stays."""

from __future__ import annotations

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.domain import audit, permissions
from accounts.domain.permissions import Action
from accounts.models import MemberRole, Membership, Organization, User

# What counts as one; recovery codes alone do not.
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: User) -> bool:
    """True where `user` signs in with a second step."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=SECOND_FACTORS).exists())


@transaction.atomic
def add_member(
    *, organization: Organization, user: User, role: MemberRole, now: datetime, actor: User
) -> Membership:
    """Make `user` a member. ValidationError where they are one, or have no second factor."""
    _lock(organization, actor)
    if not has_second_factor(user):
        raise ValidationError(
            {"username": f"{user} has to switch on two-factor authentication first (Settings, Security)."},
        )
    membership = Membership(organization=organization, user=user, role=role)
    membership.full_clean()
    membership.save()
    _record("member.added", membership, now, actor)
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: MemberRole, now: datetime, actor: User) -> Membership:
    """Give a member another role. ValidationError for one's own: somebody has to stay owner."""
    _lock(membership.organization, actor)
    _refuse_oneself(membership, actor)
    if Membership.objects.get(pk=membership.pk).role == role:
        return membership
    membership.role = role
    membership.full_clean()
    membership.save()
    _record("member.role_changed", membership, now, actor)
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, now: datetime, actor: User) -> None:
    """End a membership. ValidationError for one's own."""
    _lock(membership.organization, actor)
    _refuse_oneself(membership, actor)
    _record("member.removed", membership, now, actor)
    membership.delete()


def _lock(organization: Organization, actor: User) -> None:
    # Two owners who remove each other at the same time would leave none: they take turns on the
    # organization's row, and the second is no owner any more.
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_MEMBERS)


def _refuse_oneself(membership: Membership, actor: User) -> None:
    if membership.user_id == actor.pk:
        raise ValidationError("You cannot change or remove yourself. Ask another owner to.")


def _record(action: str, membership: Membership, now: datetime, actor: User) -> None:
    audit.record(
        action,
        membership,
        by=actor,
        at=now,
        data={"user_id": membership.user_id, "username": membership.user.username, "role": membership.role},
    )
