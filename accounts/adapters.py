"""Where our rules meet django-allauth."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from accounts.domain import encryption
from accounts.models import User

logger = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    def generate_unique_username(self, txts: list[str | None], regex: str | None = None) -> str:
        """A name for a person who comes from the platform's sign-in: only what `User.username` allows."""
        return str(super().generate_unique_username(txts, regex or r"[^A-Za-z0-9_@]"))

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whose limits a request counts for. Where it did not come by all our proxies: whoever connected."""
        try:
            return str(super().get_client_ip(request))
        except ImproperlyConfigured:
            logger.warning("fewer_proxies_than_trusted", forwarded_for=request.headers["X-Forwarded-For"])
            return str(request.META["REMOTE_ADDR"])


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
