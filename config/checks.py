"""What `manage.py check` says about the settings; with `--deploy`, what a site on the internet must have besides.

A setting that cannot be read at all stops the start already (config/environment.py).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's word
from django.http.request import validate_host


@register(Tags.security)
def check_settings(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not settings.ENCRYPTION_KEYS:
        found.append(
            Error(
                "ENCRYPTION_KEYS is empty: second factors and signing keys cannot be stored.",
                hint="Set it to a Fernet key; .env.example says how to make one.",
                id="drops.E001",
            )
        )
    host = urlsplit(settings.SITE_URL).hostname or ""
    if not validate_host(host, settings.ALLOWED_HOSTS):
        found.append(
            Error(
                f"ALLOWED_HOSTS lacks {host}, the host of SITE_URL: the site would refuse its own visitors.",
                hint="Add it, or leave ALLOWED_HOSTS unset.",
                id="drops.E002",
            )
        )
    return found


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    https = settings.SITE_URL.startswith("https://")
    smtp = settings.EMAIL_BACKEND == "django.core.mail.backends.smtp.EmailBackend"
    postgresql = settings.DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql"
    found: list[tuple[bool, CheckMessage]] = [
        (
            https,
            Error(
                "SITE_URL is not https: passwords and tokens would travel in the clear.",
                hint="Put a proxy that ends TLS before Drops, and set SITE_URL=https://…",
                id="drops.E003",
            ),
        ),
        (
            not settings.OUTBOUND_ALLOW_LOOPBACK,
            Error(
                "OUTBOUND_ALLOW_LOOPBACK is on: any studio's webhook could reach this machine and network.",
                hint="Set OUTBOUND_ALLOW_LOOPBACK=false.",
                id="drops.E004",
            ),
        ),
        (
            not settings.STREAMERS_GO_LIVE,
            Warning(
                "STREAMERS_GO_LIVE is on: anybody can declare themselves live without a video and farm rewards.",
                hint="Set STREAMERS_GO_LIVE=false if the platform reports livestreams.",
                id="drops.W006",
            ),
        ),
        (
            not https or settings.SECURE_PROXY_SSL_HEADER is not None,
            Warning(
                "BEHIND_TLS_PROXY is off although SITE_URL is https: pages would redirect to themselves for ever.",
                hint="Set BEHIND_TLS_PROXY=true if the proxy sets X-Forwarded-Proto whatever the client sent.",
                id="drops.W001",
            ),
        ),
        (
            postgresql,
            Warning(
                "The database is SQLite: one machine only, and one writer at a time.",
                hint="Set DATABASE_URL=postgres://…",
                id="drops.W002",
            ),
        ),
        (
            bool(settings.REDIS_URL),
            Warning(
                "REDIS_URL is empty: tasks run inside web requests, and only `manage.py deliver` retries a webhook.",
                hint="Set REDIS_URL=redis://… and run the workers and the clock as in the Procfile.",
                id="drops.W003",
            ),
        ),
        (
            os.environ.get("GRANIAN_INTERFACE", "rsgi") == "rsgi"
            and os.environ.get("GRANIAN_HTTP", "1") == "1",
            Warning(
                "GRANIAN_INTERFACE or GRANIAN_HTTP undoes the protection against slow and half requests.",
                hint="Unset both, and start the web processes as the Procfile does.",
                id="drops.W005",
            ),
        ),
        (
            smtp,
            Warning(
                "EMAIL_URL names no mail server: nobody can confirm an address or reset a password.",
                hint="Set EMAIL_URL=smtp+tls://…",
                id="drops.W004",
            ),
        ),
    ]
    return [message for good, message in found if not good]
