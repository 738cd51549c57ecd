"""Where our rules meet django-allauth."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter

from accounts.domain import encryption


class AccountAdapter(DefaultAccountAdapter):
    def generate_unique_username(self, txts: list[str | None], regex: str | None = None) -> str:
        """A name for a person who comes from the platform's sign-in: only what `User.username` allows."""
        return str(super().generate_unique_username(txts, regex or r"[^A-Za-z0-9_@]"))


class MFAAdapter(DefaultMFAAdapter):
    """Second-factor secrets are encrypted in the database."""

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text.encode()).decode()
