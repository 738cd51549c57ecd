"""Invitations to an organization: whoever is invited accepts or declines; nobody is made a member unasked.

An invitation says nothing about whether there is such an account: it is written down as it was typed, and found
by the person whose username or confirmed address it names. The mail to an address has a signed link besides:
whoever holds it may answer with any account. It ends with the invitation, which is answered once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _, gettext_lazy

from accounts.domain import audit, members, permissions, two_owners
from accounts.domain.notices.kinds import Kind, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from accounts.models import AuditEvent, Invitation, MemberRole, Membership, Organization, User
from config.locks import lock

VALID_FOR = timedelta(days=14)
MOST_OPEN = 20
MOST_A_DAY = 50
_signer = signing.Signer(salt="accounts.invitation")


@transaction.atomic
def invite(
    *, organization: Organization, invited: str, role: MemberRole, now: datetime, actor: User
) -> Invitation:
    """Ask whoever has this username or address to become a member. The answer is the same for every name.

    ValidationError where the organization has invited too many, or the same name before, and for an owner where
    the two-owner rule holds.
    """
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_MEMBERS)
    permissions.refuse_not_given(role)
    two_owners.refuse_new_owners(lock(organization), role)
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
    # As it was typed, for every name: whether somebody has it is found out when the mail is sent.
    write(INVITED, about=invitation, once="", now=now, addresses=[invitation.invited])
    return invitation


@transaction.atomic
def take_back(*, invitation: Invitation, now: datetime, actor: User) -> None:
    permissions.require(actor=actor, organization=invitation.organization, action=Action.CHANGE_MEMBERS)
    _record("member.invitation_taken_back", invitation, actor, now)
    invitation.delete()


def invitations_for(user: User, *, now: datetime, key: str = "") -> QuerySet[Invitation]:
    """Those that name `user`, or that `key` opens, by organizations that may invite at this moment."""
    return _open(now).filter(_names(user) | Q(pk=_opened_by(key))).order_by("created_at")


def key_of(invitation: Invitation) -> str:
    """What opens the invitation for whoever reads the mail to its address. One for a username needs its account."""
    return _signer.sign(str(invitation.pk)) if "@" in invitation.invited else ""


def opened_by(key: str, *, now: datetime) -> Invitation:
    """Invitation.DoesNotExist where the key is none of ours, or the invitation was answered or is over."""
    return _open(now).select_related("organization").get(Q(pk=_opened_by(key)))


@transaction.atomic
def accept(*, invitation_id: int, user: User, now: datetime, key: str = "") -> Membership:
    """Become a member. ValidationError for somebody without a second factor.

    Invitation.DoesNotExist where it was answered, taken back or expired meanwhile.
    """
    invitation = _lock(invitation_id, user, now, key)
    if not members.has_second_factor(user):
        raise ValidationError(
            _("Turn on two-factor authentication first. Then accept the invitation."), code="second_factor"
        )
    membership, _created = Membership.objects.get_or_create(
        organization=invitation.organization, user=user, defaults={"role": invitation.role}
    )
    _record("member.joined", invitation, user, now)
    invitation.delete()
    return membership


@transaction.atomic
def decline(*, invitation_id: int, user: User, now: datetime, key: str = "") -> None:
    """Invitation.DoesNotExist where it was answered, taken back or expired meanwhile."""
    invitation = _lock(invitation_id, user, now, key)
    # Without a name: an organization that guessed an address does not learn whose it is.
    _record("member.declined", invitation, None, now)
    invitation.delete()


def _address_of(_invitation: Invitation, invited: str) -> str:
    """Where its mail goes; empty where nobody has the name."""
    if "@" in invited:
        return invited
    found = User.objects.filter(username__iexact=invited, is_active=True).first()
    return found.email if found else ""


INVITED = register(
    Kind(
        code="invited",
        label=gettext_lazy("Invitations"),
        words=gettext_lazy("An organization asks you to become a member."),
        always=gettext_lazy("It is sent once. You need not do anything."),
        model=Invitation,
        related=("organization",),
        template="accounts/mail/invitation",
        values=lambda invitation, _data: {"invitation": invitation, "key": key_of(invitation)},
        is_current=lambda invitation, _data, now: invitation.expires_at > now,
        good_for=VALID_FOR,
        address_of=_address_of,
    )
)


def _names(user: User) -> Q:
    """An account that was made after an invitation took its username for no good reason."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return Q(invited=user.username.lower(), created_at__gte=user.date_joined) | Q(
        invited__in=[address.lower() for address in confirmed]
    )


def _open(now: datetime) -> QuerySet[Invitation]:
    may_invite = permissions.states_with(Action.CHANGE_MEMBERS, "organization__")
    return Invitation.objects.filter(may_invite, expires_at__gt=now)


def _opened_by(key: str) -> int | None:
    try:
        return int(_signer.unsign(key))
    except signing.BadSignature:
        return None


def _lock(invitation_id: int, user: User, now: datetime, key: str) -> Invitation:
    """The invitation, with its organization locked: whoever takes it back, or suspends, waits or came before."""
    found = invitations_for(user, now=now, key=key).get(pk=invitation_id)
    Organization.objects.select_for_update(no_key=True).get(pk=found.organization_id)
    return invitations_for(user, now=now, key=key).select_related("organization").get(pk=invitation_id)


def _delete_expired(organization: Organization, now: datetime) -> None:
    organization.invitations.filter(expires_at__lte=now).delete()


def _record(action: str, invitation: Invitation, actor: User | None, now: datetime) -> None:
    data = {"invited": invitation.invited, "role": invitation.role}
    audit.record(action, invitation, by=actor, at=now, data=data)
