"""Guessing passwords and codes, asking who has an account, and sending mail in somebody's name."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import hashers
from django.core import mail
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from tests.factories import NOW
from tests.html import text_of

PASSWORD = "nine-lanterns-lit"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def person(viewer: User) -> User:
    viewer.set_password(PASSWORD)
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    return viewer


@pytest.fixture
def with_totp(person: User) -> User:
    TOTP.activate(person, SECRET)
    return person


def sign_in(browser: Client, login: str = "viewer", password: str = PASSWORD, **extra: Any) -> HttpResponse:
    return browser.post("/accounts/login/", {"login": login, "password": password}, **extra)


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def code(steps: int = 0) -> str:
    """What an authenticator app shows, so many half minutes from now (RFC 6238)."""
    counter = int(NOW.timestamp()) // 30 + steps
    digest = hmac.digest(base64.b32decode(SECRET), counter.to_bytes(8), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


# Passwords


def test_names_tried_one_after_the_other_from_one_address_meet_a_limit(person: User) -> None:
    for number in range(11):
        sign_in(Client(), f"somebody{number}", "summer2026")
    refused = Client()
    sign_in(refused)
    assert not is_in(refused)
    elsewhere = Client()
    sign_in(elsewhere, REMOTE_ADDR="203.0.113.5")
    assert is_in(elsewhere)


@pytest.mark.parametrize(
    "header", ["x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "x-client-ip"]
)
def test_an_address_that_is_made_up_counts_for_nothing(person: User, header: str) -> None:
    """No proxy is configured: nobody may say for whom they come."""
    for number in range(11):
        sign_in(Client(), f"somebody{number}", "wrong", headers={header: f"203.0.113.{number}"})
    refused = Client()
    sign_in(refused, headers={header: "203.0.113.99"})
    assert not is_in(refused)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/accounts/reauthenticate/", {"password": "wrong"}),
        (
            "/accounts/password/change/",
            {"oldpassword": "wrong", "password1": "a-new-one-1", "password2": "a-new-one-1"},
        ),
    ],
)
def test_a_borrowed_session_guesses_no_password(person: User, path: str, form: dict[str, str]) -> None:
    browser = Client()
    sign_in(browser)
    for _ in range(14):
        browser.post(path, form)
    right = {name: PASSWORD if name in ("password", "oldpassword") else value for name, value in form.items()}
    answer = browser.post(path, right)
    assert answer.status_code in (200, 429)
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


# Second factors


def test_a_code_is_taken_once(with_totp: User) -> None:
    first, second = Client(), Client()
    for browser in (first, second):
        sign_in(browser)
        browser.post("/accounts/2fa/authenticate/", {"code": code()})
    assert [is_in(first), is_in(second)] == [True, False]
    second.post("/accounts/2fa/authenticate/", {"code": code(1)})
    assert is_in(second)


@pytest.mark.parametrize("fresh", [False, True], ids=["one session", "a fresh session each time"])
def test_codes_are_not_guessed(with_totp: User, clock: time_machine.Coordinates, fresh: bool) -> None:
    browser = Client()
    sign_in(browser)
    for number in range(7):
        if fresh:
            browser = Client()
            sign_in(browser, REMOTE_ADDR=f"203.0.113.{number}")
        browser.post(
            "/accounts/2fa/authenticate/", {"code": f"{number:06}"}, REMOTE_ADDR=f"203.0.113.{number}"
        )
    browser = Client()
    sign_in(browser, REMOTE_ADDR="203.0.113.99")
    browser.post("/accounts/2fa/authenticate/", {"code": code()}, REMOTE_ADDR="203.0.113.99")
    assert not is_in(browser)
    clock.shift(301)
    browser = Client()
    sign_in(browser, REMOTE_ADDR="203.0.113.99")
    browser.post("/accounts/2fa/authenticate/", {"code": code(10)}, REMOTE_ADDR="203.0.113.99")
    assert is_in(browser)


def test_recovery_codes_are_not_guessed(with_totp: User) -> None:
    RecoveryCodes.activate(with_totp)
    browser = Client()
    sign_in(browser)
    for number in range(7):
        browser.post("/accounts/2fa/authenticate/", {"code": f"{number:08}"})
    browser.post("/accounts/2fa/authenticate/", {"code": code()})
    assert not is_in(browser)


# Who has an account


def without_what_was_typed(answer: HttpResponse, *typed: str) -> str:
    text = text_of(answer)
    for word in typed:
        text = text.replace(word, "")
    return re.sub(r'value="[^"]*"', "", text)


def test_asking_for_a_new_password_does_not_tell_who_has_an_account(person: User) -> None:
    known, unknown = (
        Client().post("/accounts/password/reset/", {"email": email}, follow=True)
        for email in (person.email, "nobody@example.com")
    )
    assert known.redirect_chain == unknown.redirect_chain
    assert without_what_was_typed(known, person.email) == without_what_was_typed(
        unknown, "nobody@example.com"
    )


def test_signing_up_does_not_tell_who_has_an_account(person: User) -> None:
    known, unknown = (
        Client().post(
            "/accounts/signup/", {"email": email, "username": name, "password1": PASSWORD}, follow=True
        )
        for email, name in ((person.email, "nia"), ("nobody@example.com", "ole"))
    )
    assert known.redirect_chain == unknown.redirect_chain
    assert without_what_was_typed(known, person.email, "nia") == without_what_was_typed(
        unknown, "nobody@example.com", "ole"
    )
    assert not User.objects.filter(username="nia").exists()


@pytest.mark.parametrize("login", ["viewer", "viewer@example.com", "nobody", "nobody@example.com"])
def test_signing_in_does_as_much_for_a_name_that_nobody_has(
    person: User, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the time that an answer takes, nobody is told apart: a password is hashed once for each try."""
    hashed: list[str] = []
    hasher = hashers.get_hasher()
    original = type(hasher).encode

    def counted(self: Any, password: str, *rest: Any) -> str:
        hashed.append(password)
        return original(self, password, *rest)

    monkeypatch.setattr(type(hasher), "encode", counted)
    answer = sign_in(Client(), login, "wrong")
    assert hashed == ["wrong"]
    assert "not correct" in text_of(answer)


LOOK_ALIKES = [
    "VIEWER",
    "Viewer",
    "v\u0131ewer",  # without its dot
    "v\u0456ewer",  # Cyrillic
    "\uff56iewer",  # full width
    "viewer\u200b",
    "\u202eviewer",
    "vie wer",
]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_nobody_signs_up_with_a_name_that_looks_like_anothers(person: User, name: str) -> None:
    form = {"email": "nia@example.com", "username": name, "password1": PASSWORD}
    assert Client().post("/accounts/signup/", form).status_code == 200
    assert User.objects.count() == 1


# Mail, and accounts by the dozen


def test_nobody_floods_a_mailbox(person: User) -> None:
    for number in range(12):
        address = f"203.0.{number}.1"
        Client().post("/accounts/password/reset/", {"email": person.email}, REMOTE_ADDR=address)
        form = {"email": person.email, "username": f"name{number}", "password1": PASSWORD}
        Client().post("/accounts/signup/", form, REMOTE_ADDR=address)
    assert 0 < len(mail.outbox) <= 6


def test_nobody_signs_up_by_the_dozen_from_one_address(db: None) -> None:
    for number in range(24):
        form = {"email": f"n{number}@example.com", "username": f"name{number}", "password1": PASSWORD}
        answer = Client().post("/accounts/signup/", form)
    assert answer.status_code == 429
    assert User.objects.count() == 20
