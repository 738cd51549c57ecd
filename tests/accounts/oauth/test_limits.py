"""Limits of the token endpoint. The clock stands still: all calls of a test are within one minute."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import OAuthApp, User
from accounts.oauth import limits
from tests import factories
from tests.api import allow, exchange

pytestmark = pytest.mark.django_db

START = factories.NOW.replace(second=0, microsecond=0)
ELSEWHERE = "198.51.100.7"


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[Any]:
    settings.API_CALLS_PER_MINUTE = 10
    with time_machine.travel(START, tick=False) as clock:
        yield clock


def ask(app: OAuthApp | str, *, secret: str = "secret", address: str = "192.0.2.1") -> Any:
    client_id = app if isinstance(app, str) else app.client_id
    return Client(REMOTE_ADDR=address).post(
        "/oauth/token",
        {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret},
    )


def fail(app: OAuthApp | str, times: int, *, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        assert ask(app, secret="wrong", address=address).status_code == 401


def test_wrong_secrets_are_limited_and_the_answer_says_until_when(studio_app: OAuthApp, clock: Any) -> None:
    fail(studio_app, limits.FAILURES)
    clock.shift(timedelta(seconds=15))
    for secret in ("wrong", "secret"):
        response = ask(studio_app, secret=secret)
        assert (response.status_code, response.headers["Retry-After"]) == (429, "45")
        assert response.json() == {
            "error": "temporarily_unavailable",
            "error_description": "Too many calls or too many wrong secrets. Wait 45 seconds.",
        }
    clock.shift(timedelta(seconds=45))
    assert ask(studio_app).status_code == 200


def test_a_stranger_who_guesses_does_not_keep_the_app_out(studio_app: OAuthApp, rival_app: OAuthApp) -> None:
    fail(studio_app, limits.FAILURES, address=ELSEWHERE)
    assert ask(studio_app, address=ELSEWHERE).status_code == 429
    assert ask(studio_app).status_code == 200
    assert ask(rival_app, address=ELSEWHERE).status_code == 200


def test_wrong_secrets_of_many_clients_are_limited_by_address(studio_app: OAuthApp) -> None:
    for number in range(limits.FAILURES_FROM_ADDRESS // limits.FAILURES):
        fail(f"nobody-{number}", limits.FAILURES)
    assert ask("another", secret="wrong").status_code == 429
    assert ask(studio_app).status_code == 429
    assert ask(studio_app, address=ELSEWHERE).status_code == 200


def test_an_app_gets_as_many_tokens_as_it_may_make_calls_and_no_more(
    studio_app: OAuthApp, rival_app: OAuthApp
) -> None:
    answers = [ask(studio_app).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
    assert ask(studio_app, address=ELSEWHERE).status_code == 429
    assert ask(rival_app).status_code == 200


def test_tokens_are_limited_by_address_too(studio_app: OAuthApp) -> None:
    organization = studio_app.organization
    apps = [studio_app, *factories.OAuthAppFactory.create_batch(2, organization=organization)]
    for app in apps[:2]:
        assert [ask(app).status_code for _ in range(10)] == [200] * 10
    assert ask(apps[2]).status_code == 429
    assert ask(apps[2], address=ELSEWHERE).status_code == 200


def test_a_code_that_meets_the_limit_is_not_spent(studio_app: OAuthApp, viewer: User, clock: Any) -> None:
    browser = Client()
    browser.force_login(viewer)
    clock.shift(timedelta(seconds=30))
    code = allow(browser, studio_app)
    for _ in range(10):
        ask(studio_app)
    assert exchange(studio_app, code).status_code == 429
    clock.shift(timedelta(seconds=30))  # a code lives for a minute
    assert exchange(studio_app, code).json().keys() >= {"access_token", "refresh_token"}


def test_addresses_of_one_customer_count_as_one(studio_app: OAuthApp) -> None:
    for number in range(limits.FAILURES):
        fail(studio_app, 1, address=f"2001:db8:1:2::{number + 1:x}")
    assert ask(studio_app, address="2001:db8:1:2:ffff::1").status_code == 429
    assert ask(studio_app, address="2001:db8:1:3::1").status_code == 200


def test_the_address_is_what_the_trusted_proxy_says(studio_app: OAuthApp, settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    def status(forwarded_for: str) -> int:
        return (
            Client(headers={"x-forwarded-for": forwarded_for})
            .post(
                "/oauth/token",
                {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"},
            )
            .status_code
        )

    answers = {status(f"203.0.113.{number}, 192.0.2.1") for number in range(limits.FAILURES)}
    assert answers == {401}
    assert status("203.0.113.99, 192.0.2.1") == 429
    assert status(f"203.0.113.99, {ELSEWHERE}") == 401
