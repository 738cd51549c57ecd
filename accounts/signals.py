"""What follows from a change of somebody's ways to sign in."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.account.signals import email_added, email_changed, email_removed, password_changed, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.socialaccount.signals import social_account_added
from allauth.usersessions.models import UserSession
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.domain import email_changes
from accounts.domain.members import SECOND_FACTORS
from accounts.models import User


@receiver([email_added, email_changed, password_changed, password_set, authenticator_added])
def end_other_sessions(request: HttpRequest, user: User, **extra: Any) -> None:
    """Whoever holds another session of the person, perhaps a stranger, has to sign in by the new ways."""
    for session in UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key):
        session.end()


@receiver(social_account_added)
def end_sessions_before_the_connection(request: HttpRequest, sociallogin: Any, **extra: Any) -> None:
    end_other_sessions(request=request, user=sociallogin.user)


@receiver(authenticator_added)
def the_new_factor_was_shown(
    request: HttpRequest, user: User, authenticator: Authenticator, **extra: Any
) -> None:
    """Switching a factor on took its code, after a fresh sign-in: this session has passed it."""
    if authenticator.type in SECOND_FACTORS:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


@receiver(email_changed)
def the_old_address_may_undo_it(
    user: User, from_email_address: EmailAddress | None, to_email_address: EmailAddress, **extra: Any
) -> None:
    """The mail that allauth sends to the old address then carries the link."""
    old, new = from_email_address, to_email_address
    if old is not None and old.verified and old.email != new.email:
        email_changes.note_change(user=user, old=old.email, new=new.email, now=timezone.now())


@receiver(email_removed)
def the_removed_address_is_told(user: User, email_address: EmailAddress, **extra: Any) -> None:
    """Allauth tells the primary address alone, which may be a stranger's."""
    old, now = email_address, timezone.now()
    if old.primary and old.verified:
        email_changes.note_change(user=user, old=old.email, new="", now=now)
    if old.verified:
        get_adapter().send_notification_mail(
            "account/email/email_deleted", user, {"deleted_email": old.email}, email=old.email
        )
