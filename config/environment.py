"""Settings from the environment: each is read by its name, and a bad one is refused by its name.

An empty value is as good as none. Every error is one line: which setting, and what it should be.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


class BadSetting(SystemExit):
    """Ends the program that was starting, be it manage.py, granian or celery, without a traceback."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"Drops cannot start. {problem}")


TRUE, FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def read_file(name: str, default: Path) -> None:
    """Add the settings of the file that `name` names; those that are set already stay."""
    file = Path(text(name, str(default)))
    if text(name) and not file.exists():
        raise BadSetting(f"{name} names a file that does not exist: {file}")
    environ.Env.read_env(file)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name, str(default)).lower()
    if value not in TRUE | FALSE:
        raise BadSetting(f"{name} must be true or false, not {value!r}.")
    return value in TRUE


def choice(name: str, among: tuple[str, ...], default: str) -> str:
    value = text(name, default)
    if value not in among:
        raise BadSetting(f"{name} must be one of {', '.join(among)}, not {value!r}.")
    return value


def number(name: str, default: int, *, least: int = 1) -> int:
    value = text(name, str(default))
    if not value.isdecimal() or int(value) < least:
        raise BadSetting(f"{name} must be a whole number, {least} or more, not {value!r}.")
    return int(value)


def share(name: str, default: str) -> float:
    """A part of one."""
    value = text(name, default)
    if not re.fullmatch(r"0|1|0?\.[0-9]{1,9}|1\.0+", value, re.ASCII):
        raise BadSetting(f"{name} must be a number from 0 to 1, such as 0.01, not {value!r}.")
    return float(value)


def words(name: str, default: str = "") -> list[str]:
    """What commas separate."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def address(
    name: str, default: str = "", *, schemes: tuple[str, ...] = ("https", "http"), path: bool = False
) -> str:
    """A URL without a slash at the end, or "" where there is none; a `path` only if allowed."""
    value = text(name, default).rstrip("/")
    try:
        parts = urlsplit(value)
        valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if value and not (valid and (path or not (parts.path or parts.query or parts.fragment))):
        # The value is not repeated: it may hold a password.
        example = f"{schemes[0]}://host.example{'/path' if path else ''}"
        raise BadSetting(f"{name} must be an address such as {example}")
    return value


def database(name: str, default: str) -> dict[str, Any]:
    """Django's settings for the database behind the URL."""
    url = text(name, default)
    settings: dict[str, Any] = {}
    if url.startswith(("postgres://", "postgresql://", "sqlite:///")):
        with suppress(ValueError):
            settings = environ.Env.db_url_config(url)
    if not settings.get("NAME"):
        raise BadSetting(
            f"{name} must be postgres://USER:PASSWORD@HOST:5432/NAME or sqlite:////ABSOLUTE/FILE"
        )
    return settings


def email(name: str, default: str) -> dict[str, Any]:
    """Django's EMAIL_* settings for the mail server behind the URL."""
    settings: dict[str, Any] = {}
    with suppress(ImproperlyConfigured, ValueError):
        settings = environ.Env.email_url_config(text(name, default))
    backend = settings.get("EMAIL_BACKEND", "")
    if not backend or (backend.endswith("smtp.EmailBackend") and not settings["EMAIL_HOST"]):
        raise BadSetting(
            f"{name} must be smtp+tls://USER:PASSWORD@HOST:587, smtp://HOST:25 or consolemail://"
        )
    return settings


def fernet_keys(name: str) -> list[str]:
    keys = words(name)
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            raise BadSetting(
                f"{name} must be Fernet keys, newest first, with commas between them. One is made by: "
                'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
            ) from None
    return keys
