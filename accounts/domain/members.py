"""Who belongs to an organization. Owners remove anybody but themselves, and the last one cannot leave."""

from __future__ import annotations

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions, two_owners
from accounts.domain.permissions import Action
from accounts.domain.two_owners import Act, wait_for_second_owner
from accounts.domain.verbs import lock_for
from accounts.models import MemberRole, Membership, Proposal, User
from config.locks import lock

# What counts as one; recovery codes alone do not.
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: User) -> bool:
    """True where `user` signs in with a second step."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=SECOND_FACTORS).exists())


@transaction.atomic
def change_role(
    *, membership: Membership, role: MemberRole, now: datetime, actor: User, agreed: Proposal | None = None
) -> Membership:
    """Give a member another role. ValidationError for one's own: somebody has to stay owner.

    SecondOwnerNeeded where somebody becomes an owner, or is one no longer, and the two-owner rule holds.
    """
    membership = _lock(membership, actor)
    _refuse_oneself(membership, actor)
    if membership.role == role:
        return membership
    permissions.refuse_not_given(role)
    if two_owners.answers(membership.role) or two_owners.answers(role):
        data = {"role": role}
        wait_for_second_owner(CHANGE_ROLE, membership, actor=actor, now=now, agreed=agreed, data=data)
    membership.role = role
    membership.full_clean()
    membership.save()
    _record("member.role_changed", membership, now, actor)
    return membership


@transaction.atomic
def remove_member(
    *, membership: Membership, now: datetime, actor: User, agreed: Proposal | None = None
) -> None:
    """End a membership. ValidationError for one's own; SecondOwnerNeeded for an owner's under the two-owner rule."""
    membership = _lock(membership, actor)
    _refuse_oneself(membership, actor)
    wait_for_second_owner(REMOVE, membership, actor=actor, now=now, agreed=agreed)
    _record("member.removed", membership, now, actor)
    membership.delete()


@transaction.atomic
def leave(*, membership: Membership, now: datetime) -> None:
    """End one's own membership: always possible, but for the last owner."""
    lock(membership.organization)
    if membership.organization in permissions.only_one_left(membership.user, who_may=Action.CHANGE_MEMBERS):
        raise ValidationError(
            _("You are the only owner of %(organization)s. Make another member an owner first.")
            % {"organization": membership.organization}
        )
    _record("member.left", membership, now, membership.user)
    membership.delete()


def open_dashboard(*, membership: Membership, now: datetime) -> None:
    """The dashboard opens with this organization the next time."""
    Membership.objects.filter(pk=membership.pk).update(opened_at=now)


def _lock(membership: Membership, actor: User) -> Membership:
    # Two owners who remove each other at the same time would leave none: they take turns on the
    # organization's row, and the second is no owner any more.
    try:
        return lock_for(membership, actor=actor, action=Action.CHANGE_MEMBERS)
    except Membership.DoesNotExist:
        raise ValidationError(_("This person is no longer a member.")) from None


def _refuse_oneself(membership: Membership, actor: User) -> None:
    if membership.user_id == actor.pk:
        raise ValidationError(_("You cannot change or remove yourself. Ask another owner to do it."))


def _record(action: str, membership: Membership, now: datetime, actor: User) -> None:
    audit.record(
        action,
        membership,
        by=actor,
        at=now,
        data={"user_id": membership.user_id, "username": membership.user.username, "role": membership.role},
    )


REMOVE = two_owners.register(
    Act(
        code="member.remove",
        model=Membership,
        action=Action.CHANGE_MEMBERS,
        covers=lambda membership, _now: two_owners.answers(membership.role),
        name=lambda membership: membership.user.username,
        run=lambda membership, proposal, now: remove_member(
            membership=membership, now=now, actor=proposal.asked_by, agreed=proposal
        ),
    )
)
CHANGE_ROLE = two_owners.register(
    Act(
        code="member.change_role",
        model=Membership,
        action=Action.CHANGE_MEMBERS,
        name=lambda membership: membership.user.username,
        run=lambda membership, proposal, now: change_role(
            membership=membership,
            role=MemberRole(proposal.data["role"]),
            now=now,
            actor=proposal.asked_by,
            agreed=proposal,
        ),
    )
)
