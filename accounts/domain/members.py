"""Who belongs to an organization. Owners remove anybody but themselves, and the last one cannot leave."""

from __future__ import annotations

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions
from accounts.domain.permissions import Action
from accounts.models import MemberRole, Membership, Organization, User
from config.locks import lock

# What counts as one; recovery codes alone do not.
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: User) -> bool:
    """True where `user` signs in with a second step."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=SECOND_FACTORS).exists())


@transaction.atomic
def change_role(*, membership: Membership, role: MemberRole, now: datetime, actor: User) -> Membership:
    """Give a member another role. ValidationError for one's own: somebody has to stay owner."""
    _lock(membership.organization, actor)
    _refuse_oneself(membership, actor)
    if Membership.objects.get(pk=membership.pk).role == role:
        return membership
    permissions.refuse_not_given(role)
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


def _lock(organization: Organization, actor: User) -> None:
    # Two owners who remove each other at the same time would leave none: they take turns on the
    # organization's row, and the second is no owner any more.
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_MEMBERS)


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
