"""`manage.py check --deploy` tells what a site on the internet still lacks."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from config.checks import check_deployment, check_settings


def ids(settings: Settings, **changed: object) -> list[str]:
    for name, value in changed.items():
        setattr(settings, name, value)
    return [str(message.id) for message in (*check_settings(None), *check_deployment(None))]


@pytest.fixture
def production(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings.SITE_URL = "https://drops.example.com"
    settings.ALLOWED_HOSTS = ["drops.example.com"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    settings.REDIS_URL = "redis://127.0.0.1:6379/0"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    settings.STREAMERS_GO_LIVE = False
    return settings


def test_good_settings_raise_nothing(production: Settings) -> None:
    assert ids(production) == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("ENCRYPTION_KEYS", [], "drops.E001"),
        ("ALLOWED_HOSTS", ["example.com"], "drops.E002"),
        ("SITE_URL", "http://drops.example.com", "drops.E003"),
        ("OUTBOUND_ALLOW_LOOPBACK", True, "drops.E004"),
        ("STREAMERS_GO_LIVE", True, "drops.W006"),
        ("SECURE_PROXY_SSL_HEADER", None, "drops.W001"),
        ("REDIS_URL", "", "drops.W003"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "drops.W004"),
    ],
)
def test_each_lack_has_its_id(production: Settings, name: str, value: object, found: str) -> None:
    assert ids(production, **{name: value}) == [found]


def test_sqlite_is_for_one_machine(production: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")

    assert ids(production) == ["drops.W002"]


@pytest.mark.parametrize(("name", "value"), [("GRANIAN_INTERFACE", "wsgi"), ("GRANIAN_HTTP", "auto")])
def test_the_web_server_receives_bodies_before_it_takes_a_thread(
    production: Settings, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert ids(production) == ["drops.W005"]
