"""Whoever reads the mail of an account's former primary address may undo that change for a week.

The link in that mail is all that is left to somebody whose session, and then account, was taken over.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from accounts.domain import audit
from accounts.domain.tokens import is_present
from accounts.models import EmailChange, User
from config.locks import lock

UNDO_FOR = timedelta(days=7)
_signer = Signer(sep=".", salt="accounts.email-change")


@transaction.atomic
def note_change(*, user: User, old: str, new: str, now: datetime) -> None:
    """The primary address was `old`, which had been confirmed, and is `new`, or "" where it was removed.

    Whoever gives the account an address back that may undo a change has undone it: who came in between is not
    to have the last word.
    """
    lock(user)
    returned = change_to_undo(user=user, address=new, now=now)
    if returned is not None:
        EmailChange.objects.filter(user=user, pk__gte=returned.pk).delete()
        return
    EmailChange.objects.create(user=user, address=old, created_at=now)
    audit.record("user.email_changed", user, by=user, at=now)


def change_to_undo(*, user: User, address: str, now: datetime) -> EmailChange | None:
    """What may be undone from `address`, if anything."""
    return _open(now).filter(user=user, address=address).order_by("pk").first()


def key_of(change: EmailChange) -> str:
    """What the link in the mail carries. It is kept nowhere."""
    return _signer.sign(str(change.pk))


def find(key: str, *, now: datetime) -> EmailChange | None:
    """The change that may still be undone with `key`: until it was, or a week is over, or the person is gone."""
    try:
        pk = int(_signer.unsign(key))
    except BadSignature:
        return None
    change = _open(now).select_related("user").filter(pk=pk).first()
    return change if change and is_present(change.user) else None


@transaction.atomic
def undo(*, change: EmailChange, now: datetime) -> str:
    """Make the old address the only one again and end every way in that came after it; returns the displaced one.

    Sessions end and the password is none: a new one is chosen through the old address. Second factors and
    connected accounts that are older than the change stay. EmailChange.DoesNotExist if it was undone meanwhile,
    ValidationError if the address is another account's by now.
    """
    user = lock(change.user)
    change = EmailChange.objects.get(pk=change.pk)
    _take_from_others(change.address, user)
    displaced = user.email
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=change.address, verified=True, primary=True)
    Authenticator.objects.filter(user=user, created_at__gte=change.created_at).delete()
    SocialAccount.objects.filter(user=user, date_joined__gte=change.created_at).delete()
    user.email = change.address
    user.set_unusable_password()  # with it ends every session
    user.save(update_fields=["email", "password"])
    for session in UserSession.objects.filter(user=user):
        session.end()
    # Later changes too: their old addresses came after this one.
    EmailChange.objects.filter(user=user, pk__gte=change.pk).delete()
    audit.record("user.email_restored", user, by=user, at=now)
    return displaced


def forget_old_changes(*, now: datetime) -> None:
    """Delete what can be undone no longer: an address that somebody has left is nobody's business."""
    EmailChange.objects.filter(created_at__lte=now - UNDO_FOR).delete()


def _open(now: datetime) -> QuerySet[EmailChange]:
    return EmailChange.objects.filter(created_at__gt=now - UNDO_FOR)


def _take_from_others(address: str, user: User) -> None:
    """Let go of sign-ups with `address` that nobody confirmed; ValidationError where another account has it."""
    known = EmailAddress.objects.filter(email=address).exclude(user=user)
    holders = User.objects.alias(lower=Lower("email")).filter(lower=address).exclude(pk=user.pk)
    # An account from the platform has an address that the platform has confirmed, and no row of its own.
    if known.filter(verified=True).exists() or holders.exclude(pk__in=known.values("user")).exists():
        raise ValidationError(
            _("%(address)s belongs to another account by now. Nothing was changed.") % {"address": address},
            code="address_taken",
        )
    holders.update(email="")
    known.delete()
