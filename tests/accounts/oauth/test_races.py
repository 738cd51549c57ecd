"""Two requests at once with what may be used once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from oauth2_provider.models import AccessToken

from accounts.models import Consent, GameLink, OAuthApp, User
from tests.api import allow, authorize_path, connect, exchange, token_request

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

TIMES = 6


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer)
    return client


def at_once(act: Callable[[], Any]) -> list[Any]:
    start = Barrier(TIMES)

    def run() -> Any:
        start.wait()
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(TIMES) as threads:
        return [done.result() for done in [threads.submit(run) for _ in range(TIMES)]]


def test_a_code_is_exchanged_once_and_its_replays_end_what_came_of_it(
    browser: Client, studio_app: OAuthApp
) -> None:
    code = allow(browser, studio_app)
    answers = at_once(lambda: exchange(studio_app, code))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (TIMES - 1)
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    assert not AccessToken.objects.exists()


def test_a_refresh_token_is_used_once_and_its_reuse_ends_the_family(
    browser: Client, studio_app: OAuthApp
) -> None:
    token = connect(browser, studio_app)["refresh_token"]
    answers = at_once(lambda: token_request(studio_app, grant_type="refresh_token", refresh_token=token))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (TIMES - 1)
    assert all(answer.json()["access_token"] for answer in answers if answer.status_code == 200)
    assert not AccessToken.objects.exists()


def test_consenting_many_times_at_once_is_one_consent_and_one_link(
    browser: Client, studio_app: OAuthApp, viewer: User
) -> None:
    def press() -> int:
        own = Client()
        own.force_login(viewer)
        return own.post(authorize_path(studio_app), {"allow": "yes"}).status_code

    assert at_once(press) == [302] * TIMES
    assert (Consent.objects.count(), GameLink.objects.count()) == (1, 1)
