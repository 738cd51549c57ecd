"""Invitations to an organization: whoever is invited accepts or declines; nobody is made a member unasked.

An invitation says nothing about whether there is such an account: it is written down as it was typed, and found
by the person whose username or confirmed address it names.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions
from accounts.domain.permissions import Action
from accounts.models import AuditEvent, Invitation, MemberRole, Membership, Organization, User

VALID_FOR = timedelta(days=14)
MOST_OPEN = 20
MOST_A_DAY = 50


@transaction.atomic
def invite(
    *, organization: Organization, invited: str, role: MemberRole, now: datetime, actor: User
) -> Invitation:
    """Ask whoever has this username or address to become a member. The answer is the same for every name.

    ValidationError where the organization has invited too many, or the same name before.
    """
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_MEMBERS)
    permissions.refuse_not_given(role)
    _delete_expired(organization, now)
    today = AuditEvent.objects.filter(
        organization=organization, action="member.invited", at__gt=now - timedelta(days=1)
    )
    if organization.invitations.count() >= MOST_OPEN or today.count() >= MOST_A_DAY:
        raise ValidationError(
            _(
                "Too many invitations: at most %(open)s can wait for an answer, and %(daily)s can be sent a day."
            )
            % {"open": MOST_OPEN, "daily": MOST_A_DAY}
        )
    invitation = Invitation(
        organization=organization,
        invited=invited.strip().lower(),
        role=role,
        created_at=now,
        expires_at=now + VALID_FOR,
    )
    invitation.full_clean()
    invitation.save()
    _record("member.invited", invitation, actor, now)
    return invitation


@transaction.atomic
def take_back(*, invitation: Invitation, now: datetime, actor: User) -> None:
    permissions.require(actor=actor, organization=invitation.organization, action=Action.CHANGE_MEMBERS)
    _record("member.invitation_taken_back", invitation, actor, now)
    invitation.delete()


def invitations_for(user: User, *, now: datetime) -> QuerySet[Invitation]:
    """Those that name `user`, by organizations that may invite at this moment."""
    return Invitation.objects.filter(
        permissions.states_with(Action.CHANGE_MEMBERS, "organization__"),
        _names(user),
        expires_at__gt=now,
    ).order_by("created_at")


@transaction.atomic
def accept(*, invitation_id: int, user: User, now: datetime) -> Membership:
    """Become a member. Invitation.DoesNotExist where it was answered, taken back or expired meanwhile."""
    invitation = _lock(invitation_id, user, now)
    membership, _created = Membership.objects.get_or_create(
        organization=invitation.organization, user=user, defaults={"role": invitation.role}
    )
    _record("member.joined", invitation, user, now)
    invitation.delete()
    return membership


@transaction.atomic
def decline(*, invitation_id: int, user: User, now: datetime) -> None:
    """Invitation.DoesNotExist where it was answered, taken back or expired meanwhile."""
    invitation = _lock(invitation_id, user, now)
    # Without a name: an organization that guessed an address does not learn whose it is.
    _record("member.declined", invitation, None, now)
    invitation.delete()


def address_of(invitation: Invitation) -> str:
    """Where its mail goes; empty where nobody has the name."""
    if "@" in invitation.invited:
        return invitation.invited
    found = User.objects.filter(username__iexact=invitation.invited, is_active=True).first()
    return found.email if found else ""


def _names(user: User) -> Q:
    """An account that was made after an invitation took its username for no good reason."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return Q(invited=user.username.lower(), created_at__gte=user.date_joined) | Q(
        invited__in=[address.lower() for address in confirmed]
    )


def _lock(invitation_id: int, user: User, now: datetime) -> Invitation:
    """The invitation, with its organization locked: whoever takes it back, or suspends, waits or came before."""
    found = invitations_for(user, now=now).get(pk=invitation_id)
    Organization.objects.select_for_update(no_key=True).get(pk=found.organization_id)
    return invitations_for(user, now=now).select_related("organization").get(pk=invitation_id)


def _delete_expired(organization: Organization, now: datetime) -> None:
    organization.invitations.filter(expires_at__lte=now).delete()


def _record(action: str, invitation: Invitation, actor: User | None, now: datetime) -> None:
    data = {"invited": invitation.invited, "role": invitation.role}
    audit.record(action, invitation, by=actor, at=now, data=data)
