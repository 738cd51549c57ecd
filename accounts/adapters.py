"""Where our rules meet django-allauth."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.app_settings import REAUTHENTICATION_TIMEOUT
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _, gettext_lazy, ngettext

from accounts import sign_in_limits
from accounts.domain import email_changes, encryption, names
from accounts.domain.email_changes import UNDO_FOR
from accounts.models import User
from accounts.requests import address_of, passed_fewer_proxies
from accounts.sign_in_limits import TooManyTries

logger = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    error_messages: ClassVar[dict[str, Any]] = DefaultAccountAdapter.error_messages | {
        # No limit that says so lasts longer.
        "too_many_login_attempts": gettext_lazy("Too many failed attempts. Try again in 5 minutes."),
    }

    def generate_unique_username(self, txts: list[str | None], regex: str | None = None) -> str:
        """A name for a person who comes from the platform's sign-in: only what `User.username` allows."""
        return str(super().generate_unique_username(txts, regex or r"[^A-Za-z0-9_@]"))

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """What people choose for themselves; an account that comes from the platform brings its name."""
        names.refuse_reserved_username(username)
        return str(super().clean_username(username, shallow=shallow))

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whose limits a request counts for."""
        if passed_fewer_proxies(request):
            logger.warning("fewer_proxies_than_trusted", forwarded_for=request.headers["X-Forwarded-For"])
        address = address_of(request)
        if address is None:
            raise PermissionDenied(_("The address that this request came from is not known."))
        return str(address)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """To an address that may undo a change of addresses, with the link."""
        now = timezone.now()
        change = email_changes.change_to_undo(user=user, address=email, now=now) if email else None
        if change:
            way = reverse("accounts:undo_email_change", args=[email_changes.key_of(change)])
            undo = {"undo_url": f"{settings.SITE_URL}{way}", "undo_until": change.created_at + UNDO_FOR}
            context = {**(context or {}), **undo}
        super().send_notification_mail(template_prefix, user, context, email)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Allauth passes an address that was typed as a username too, and would hash the password twice for one
        that an account has, once for another: the time of an answer would tell them apart.
        """
        if credentials.get("email") and credentials.get("email") == credentials.get("username"):
            del credentials["username"]
        user: User | None = super().authenticate(request, **credentials)
        return user

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try in a way that keeps the owner of an account in; `_rollback_…` takes it back."""
        try:
            self._login_failed_rl_usage = sign_in_limits.count_try(request, credentials)
        except TooManyTries as refusal:
            raise ValidationError(
                ngettext(
                    "Too many failed sign-ins. Try again in %(minutes)d minute, or choose a new password.",
                    "Too many failed sign-ins. Try again in %(minutes)d minutes, or choose a new password.",
                    refusal.minutes,
                )
                % {"minutes": refusal.minutes},
                code="too_many_login_attempts",
            ) from refusal

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Whether a change of the ways to sign in may ask for a fresh sign-in: always.

        Who signs in through the platform alone has no password to ask for, and goes there once more.
        """
        required = bool(super().is_reauthentication_required(app=app, **kwargs))
        request: HttpRequest | None = self.request
        if required and request is not None and not _can_show_who_they_are(request):
            provider = (
                SocialAccount.objects.filter(user=request.user.pk).values_list("provider", flat=True).first()
            )
            if provider:
                messages.info(request, _("Sign in once more to change how you sign in."))
                way = reverse("accounts:platform_sign_in", args=[provider])
                raise ImmediateHttpResponse(redirect(f"{way}?{urlencode({'next': request.path})}"))
        return required


def _can_show_who_they_are(request: HttpRequest) -> bool:
    """False for somebody without a password or a factor whose sign-in is longer ago than a fresh one may be."""
    if not request.user.is_authenticated or get_reauthentication_flows(request.user):
        return True
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < REAUTHENTICATION_TIMEOUT


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """The platform vouches for its people, so signing in through it asks for no confirmed address."""

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Only an address that the platform has confirmed comes along: another may be somebody else's."""
        confirmed = [address for address in sociallogin.email_addresses if address.verified is True]
        sociallogin.email_addresses = confirmed
        email = next((address.email for address in confirmed), "")
        user: User = super().populate_user(request, sociallogin, data | {"email": email})
        return user


class MFAAdapter(DefaultMFAAdapter):
    """Second-factor secrets are encrypted in the database."""

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text.encode()).decode()
