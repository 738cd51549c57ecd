"""What follows from a change of somebody's ways to sign in."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import email_added, email_changed, password_changed, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.socialaccount.signals import social_account_added
from allauth.usersessions.models import UserSession
from django.dispatch import receiver
from django.http import HttpRequest

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
