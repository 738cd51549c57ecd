"""Secrets stay where they belong: in no log, in no answer, in no list of processes; production has its locks on."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts.models import OAuthApp, Organization, User
from drops.models import Channel
from fulfillment.models import WebhookEndpoint
from scripts.lint import PRODUCTION
from tests import factories
from tests.api import access_token, allow, bearer, exchange, token_request
from tests.dashboard import press, sign_in
from tests.factories import NOW
from tests.fulfillment.receiver import running_receiver

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "nine-lanterns-lit"


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def everything_logged(log: StringIO) -> Iterator[StringIO]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    yield log
    root.setLevel(level)


def test_no_secret_is_in_any_line_of_the_log(
    everything_logged: StringIO, viewer: User, channel: Channel, studio_app: OAuthApp
) -> None:
    viewer.set_password(PASSWORD)
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    browser = Client()
    browser.post("/accounts/login/", {"login": "viewer", "password": PASSWORD})
    code = allow(browser, studio_app, scope="user:read drops:watch")
    tokens = exchange(studio_app, code).json()
    again = token_request(
        studio_app, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    ).json()
    own = token_request(studio_app, grant_type="client_credentials").json()
    api = Client(headers={"authorization": f"Bearer {again['access_token']}"})
    watch = api.get("/viewer/v1/token").json()["data"]["token"]
    beat = {"token": watch, "channel_id": channel.pk}
    Client().post("/viewer/v1/beat", beat, content_type="application/json")
    Client().get(
        f"/viewer/v1/status?channel_id={channel.pk}&token={watch}",
        headers={"authorization": f"Bearer {watch}"},
    )
    Client().get(f"/public/v1/users?access_token={own['access_token']}")
    token_request(studio_app, grant_type="authorization_code", code=code)  # a replay
    Client().post("/oauth/revoke", {"token": again["refresh_token"]})
    Client().post("/accounts/password/reset/", {"email": viewer.email})
    reset = mail.outbox[-1].body.partition("/accounts/password/reset/key/")[2].split("/")[0]
    Client().get(f"/accounts/password/reset/key/{reset}/")

    secrets = [
        PASSWORD,
        code,
        *(found[name] for found in (tokens, again) for name in ("access_token", "refresh_token")),
        own["access_token"],
        watch,
        reset,
        str(browser.cookies["sessionid"].value),
    ]
    assert all(len(secret) > 12 for secret in secrets)
    assert "request_finished" in everything_logged.getvalue()
    assert [secret for secret in secrets if secret in everything_logged.getvalue()] == []


def test_a_token_in_the_query_opens_nothing(viewer: User, studio_app: OAuthApp) -> None:
    raw = access_token(studio_app, user=viewer, scope="user:read")
    for name in ("access_token", "token", "bearer_token"):
        assert Client().get("/public/v1/users", {name: raw}).status_code == 401
        assert Client().get("/api/v1/drops/progress", {name: raw}).status_code == 401
    assert bearer(studio_app, user=viewer, scope="user:read").get("/public/v1/users").status_code == 200


def test_a_token_in_the_body_is_not_told_of(viewer: User, studio_app: OAuthApp, rival_app: OAuthApp) -> None:
    """Introspection tells of the token that asks, whatever token the body names."""
    theirs = access_token(studio_app, user=viewer, scope="user:read")
    told = bearer(rival_app).post("/oauth/token/introspect", {"token": theirs}).json()["data"]
    assert (told["client_id"], told["token_type"], told["scope"]) == (rival_app.client_id, "app", "")


def test_what_a_studio_keeps_in_its_url_is_in_no_line(
    everything_logged: StringIO, owner: User, studio: Organization
) -> None:
    browser = sign_in(Client(), owner)
    with running_receiver() as receiver:
        endpoint: WebhookEndpoint = factories.WebhookEndpointFactory(
            organization=studio, url=f"{receiver.url}?key=hush-hush-hush"
        )
        press(browser, f"/dashboard/webhooks/{endpoint.pk}/test/")
    assert "hush-hush-hush" not in everything_logged.getvalue()


@pytest.mark.parametrize(
    "path",
    ["/no/such%0aFAKE line", "/%0d%0aFAKE line", "/a%1b[31mFAKE line", "/campaigns/%E2%80%A8FAKE line/"],
)
def test_no_request_writes_a_line_of_its_own(db: None, log: StringIO, path: str) -> None:
    headers = {"x-request-id": "a\nFAKE line", "user-agent": "b\r\nFAKE line", "referer": "c\nFAKE line"}
    Client().get(path, headers=headers)
    lines = log.getvalue().splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.urls("tests.config.urls_that_fail")
@pytest.mark.parametrize(
    "path", ["/fails/500/", "/api/v1/fails/500", "/fails/503/", "/no/such/page", "/api/v1/nothing"]
)
def test_no_answer_tells_how_the_site_is_made(
    client: Client, db: None, path: str, settings: Settings
) -> None:
    client.raise_request_exception = False
    answer = client.get(path)
    page = answer.content.decode()
    assert answer.status_code >= 400
    for word in (
        "Traceback",
        "a secret that no page shows",
        "site-packages",
        str(ROOT),
        settings.SECRET_KEY,
        "DEBUG",
    ):
        assert word not in page, word
    assert "Server" not in answer.headers


PRINT = """
import json
from django.conf import settings
names = [name for name in dir(settings) if name.isupper() and name.startswith(("SECURE_", "SESSION_", "CSRF_", "X_"))]
print(json.dumps({name: getattr(settings, name) for name in [*names, "DEBUG", "ALLOWED_HOSTS"]}, default=str))
"""


@pytest.mark.processes
def test_a_site_on_the_internet_has_its_locks_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "config.settings", **PRODUCTION},
        capture_output=True,
        check=True,
        text=True,
    )
    found = json.loads(done.stdout)
    assert found["DEBUG"] is False
    assert found["ALLOWED_HOSTS"] == ["drops.example.com"]
    for name in (
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_HTTPONLY",
        "CSRF_COOKIE_HTTPONLY",
    ):
        assert found[name] is True, name
    assert found["SESSION_COOKIE_SAMESITE"] == found["CSRF_COOKIE_SAMESITE"] == "Lax"
    assert found["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert found["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is found["SECURE_HSTS_PRELOAD"] is True
    assert found["SECURE_SSL_REDIRECT"] is True


def test_every_page_has_the_headers_that_guard_it(client: Client, db: None, settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    for path in ("/", "/campaigns/", "/accounts/login/", "/no/such/page", "/public/v1/nothing"):
        headers = client.get(path, secure=True).headers
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload", path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", path
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, path
        assert "unsafe" not in policy, path
        assert "object-src 'none'" in policy, path


def test_ruff_looks_for_what_bandit_finds() -> None:
    """`make lint` runs it over all of the code."""
    text = (ROOT / "pyproject.toml").read_text()
    assert '"S",' in text.partition("[tool.ruff.lint]")[2].partition("]")[0]
    lint = (ROOT / "scripts" / "lint.py").read_text()
    assert '"ruff check ."' in lint
    assert '"bandit --quiet --recursive' in lint
