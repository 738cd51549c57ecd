"""People sign in, and guessers are held off, whatever Redis does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

import config.cache
from accounts.models import User
from config import memory

PASSWORD = "nine-lanterns-lit"


@pytest.fixture(autouse=True)
def long_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, a test is over before Redis is asked again."""
    monkeypatch.setattr(config.cache, "REST", 3600)


@pytest.fixture(params=["nobody listens", "nobody answers"])
def broken_redis(request: pytest.FixtureRequest, settings: Settings) -> Iterator[None]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "nobody answers":
            listener.listen()
        use(settings, f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        yield
        cache.clear()


def use(settings: Settings, url: str) -> None:
    settings.CACHES = {"default": {"BACKEND": "config.cache.RedisOrHere", "LOCATION": url}}


@pytest.fixture
def person(viewer: User) -> User:
    viewer.set_password(PASSWORD)
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    return viewer


def sign_in(client: Client, password: str = PASSWORD) -> bool:
    client.post("/accounts/login/", {"login": "viewer", "password": password})
    return "_auth_user_id" in client.session


def test_signing_in_asks_a_broken_redis_once(
    client: Client, person: User, broken_redis: None, caplog: pytest.LogCaptureFixture
) -> None:
    """It asks many times for what is kept, and each time would take half a second."""
    assert sign_in(client)
    assert caplog.text.count("cache_is_here_alone") == 1


def test_guessing_is_limited_without_redis(client: Client, person: User, broken_redis: None) -> None:
    for _ in range(5):
        assert not sign_in(client, "wrong")

    assert not sign_in(client)


def test_redis_is_used_again_after_a_rest(settings: Settings, valkey_url: str) -> None:
    use(settings, "redis://127.0.0.1:1/0")
    cache.set("key", "kept here")
    assert cache.get("key") == "kept here"

    use(settings, valkey_url)
    assert cache.get("key") == "kept here"
    memory.forget()  # as an hour does
    assert cache.get("key") is None
    assert cache.add("key", "kept there")
    assert (cache.get("key"), cache.touch("key"), cache.delete("key")) == ("kept there", True, True)
    cache.clear()
