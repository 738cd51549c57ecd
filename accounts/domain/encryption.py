"""Secrets at rest that must be read again (TOTP seeds, webhook signing keys) are encrypted."""

from __future__ import annotations

from functools import cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from config.memory import on_forget


@cache
def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


on_forget(_fernet.cache_clear)


def encrypt(secret: bytes) -> bytes:
    """`secret`, encrypted with the newest of ENCRYPTION_KEYS."""
    return _fernet().encrypt(secret)


def decrypt(token: bytes) -> bytes:
    """The secret back. Any of ENCRYPTION_KEYS will do, so that keys can be rotated.

    Raises cryptography.fernet.InvalidToken if none of them made it.
    """
    return _fernet().decrypt(token)
