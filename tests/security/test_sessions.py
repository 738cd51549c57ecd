"""Attacks on sessions: fixed, borrowed, outlived, steered elsewhere, sent from other sites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.domain import standing, users
from accounts.models import Organization, User
from tests.dashboard import sign_in
from tests.factories import NOW

PASSWORD = "nine-lanterns-lit"
COOKIE = django_settings.SESSION_COOKIE_NAME


@pytest.fixture
def person(viewer: User) -> User:
    viewer.set_password(PASSWORD)
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    return viewer


def browser_of(password: str = PASSWORD) -> Client:
    browser = Client()
    browser.post("/accounts/login/", {"login": "viewer", "password": password})
    return browser


def with_cookie(key: str) -> Client:
    """Somebody else's browser, with a copy of the cookie."""
    browser = Client()
    browser.cookies[COOKIE] = key
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/settings/").status_code == 200


def test_a_session_that_was_planted_is_not_signed_in_with(person: User) -> None:
    planted = Client()
    planted.get("/accounts/login/")
    session = planted.session
    session["planted"] = "yes"
    session.save()
    victim = with_cookie(str(session.session_key))
    victim.post("/accounts/login/", {"login": "viewer", "password": PASSWORD})
    assert is_in(victim)
    assert victim.cookies[COOKIE].value != session.session_key
    assert not is_in(with_cookie(str(session.session_key)))


@pytest.mark.parametrize("end", ["sign-out", "password changed elsewhere", "banned", "deleted"])
def test_a_copied_cookie_is_dead_after_the_end(person: User, operator: User, end: str) -> None:
    browser = browser_of()
    copy = with_cookie(browser.cookies[COOKIE].value)
    assert is_in(copy)
    match end:
        case "sign-out":
            browser.post("/accounts/logout/")
        case "password changed elsewhere":
            elsewhere = browser_of()
            elsewhere.post("/accounts/reauthenticate/", {"password": PASSWORD})
            chosen = "eight-lanterns-lit"
            form = {"oldpassword": PASSWORD, "password1": chosen, "password2": chosen}
            elsewhere.post("/accounts/password/change/", form)
            assert is_in(elsewhere)
        case "banned":
            person = User.objects.get(pk=person.pk)
            standing.change_standing(
                user=person, is_active=False, reason="A stolen account", now=NOW, actor=operator
            )
        case "deleted":
            users.delete_account(user=User.objects.get(pk=person.pk), now=NOW)
    assert not is_in(copy)


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://127.0.0.1:8000@evil.example/",
    "/\t/evil.example/",
    " https://evil.example/",
    "https://evil.example%2f@127.0.0.1/",
]


@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("when", ["at the sign-in", "signed in already", "at the sign-out"])
def test_nobody_is_led_elsewhere(person: User, target: str, when: str) -> None:
    browser = Client() if when == "at the sign-in" else browser_of()
    if when == "at the sign-in":
        answer = browser.post("/accounts/login/", {"login": "viewer", "password": PASSWORD, "next": target})
    elif when == "signed in already":
        answer = browser.get("/accounts/login/", {"next": target})
    else:
        answer = browser.post("/accounts/logout/", {"next": target})
    location = answer.headers["Location"]
    assert location.startswith("/")
    assert not re.match(r"/[/\\\s]", location), location


HOSTS: list[dict[str, str]] = [
    {"host": "evil.example"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "evil.example:8000"},
    {"host": "127.0.0.1@evil.example"},
    {"x-forwarded-host": "evil.example"},
    {"forwarded": "host=evil.example;proto=https"},
    {"x-original-url": "http://evil.example/", "x-rewrite-url": "http://evil.example/"},
]


@pytest.mark.parametrize("headers", HOSTS)
def test_a_reset_link_leads_to_the_site_whatever_host_is_named(person: User, headers: dict[str, str]) -> None:
    answer = Client().post("/accounts/password/reset/", {"email": person.email}, headers=headers)
    if answer.status_code == 400:
        assert mail.outbox == []
    else:
        assert "evil.example" not in mail.outbox[-1].body
        assert f"{django_settings.SITE_URL}/accounts/password/reset/key/" in mail.outbox[-1].body


def test_signing_out_takes_a_post(person: User) -> None:
    browser = browser_of()
    assert b"Sign out?" in browser.get("/accounts/logout/").content
    assert is_in(browser)


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/accounts/logout/", "/settings/delete/"])
def test_no_page_is_shown_in_a_frame(person: User, path: str) -> None:
    answer = browser_of().get(path)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


# Requests that other sites send

FILLINGS = {
    "int": "1",
    "path": "x",
    "slug": "x",
    "str": "x",
    "ulid": "01K0TDDR08Q5ZNWXK92VRXD7GX",
    None: "x",
}
# Called by programs that have no cookie: the token in the request says who calls. What a viewer's session may
# do through an API is tried in tests/accounts/api/test_authentication.py.
OF_PROGRAMS = ("/api/", "/oauth/token", "/oauth/revoke", "/platform/", "/public/", "/viewer/")
# Answered before anything is looked at, or not by Django.
NOT_OURS = ("/media/", "/static/")


def addresses(patterns: Any = None, prefix: str = "/") -> Iterator[str]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        text = _filled(pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, prefix + text)
        elif isinstance(pattern, URLPattern):
            yield prefix + text


def _filled(pattern: URLPattern | URLResolver) -> str:
    if isinstance(pattern.pattern, RoutePattern):
        return re.sub(r"<(?:(\w+):)?\w+>", lambda found: FILLINGS[found[1]], str(pattern.pattern))
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "x", str(pattern.pattern))
    return text.removeprefix("^").removesuffix("$").replace("\\Z", "")


PAGES = sorted({address for address in addresses() if not address.startswith((*OF_PROGRAMS, *NOT_OURS))})


def test_there_are_many_addresses_to_post_to() -> None:
    assert len(PAGES) > 120
    assert {"/accounts/login/", "/settings/delete/", "/dashboard/rewards/add/", "/oauth/authorize"} <= set(
        PAGES
    )


@pytest.mark.parametrize("origin", ["", "https://evil.example"])
def test_no_page_takes_a_post_of_another_site(owner: User, studio: Organization, origin: str) -> None:
    owner.is_staff = owner.is_superuser = True
    owner.save()
    browser = Client(enforce_csrf_checks=True, headers={"origin": origin} if origin else {})
    sign_in(browser, owner)
    taken = {}
    for path in PAGES:
        answer: HttpResponse = browser.post(path, {"post": "yes"})
        # 404 and 405: nobody is there, or takes no POST from anybody.
        if answer.status_code not in (403, 404, 405):
            taken[path] = (answer.status_code, answer.headers.get("Location", ""))
    assert taken == {}
    assert Session.objects.filter(session_key=browser.session.session_key).exists()


def test_operators_decide_by_post_alone(operator: User, studio: Organization) -> None:
    browser = Client(enforce_csrf_checks=True)
    sign_in(browser, operator)
    action = {"action": "suspend", "_selected_action": studio.pk}
    assert browser.get("/admin/accounts/organization/", action).status_code in (200, 302)
    assert browser.post("/admin/accounts/organization/", action).status_code == 403
    studio.refresh_from_db()
    assert studio.suspended_at is None
