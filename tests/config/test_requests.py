"""One name for each request, and no secret in any line about it."""

import re
from datetime import timedelta
from io import StringIO

import pytest
import redis
import time_machine
from django.test import Client, override_settings

from accounts.models import OAuthApp
from config.api import throttle
from scripts.valkey import running_valkey
from tests import factories
from tests.api import access_token, bearer

ADDRESSES = ["/", "/public/v1/public-key", "/public/v1/nothing", "/oauth/revoke?token=hush", "/no/such/page"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_has_a_request_id_and_so_has_every_line(db: None, log: StringIO, address: str) -> None:
    name = Client(headers={"x-request-id": "partner-7.a_B"}).get(address).headers["X-Request-ID"]
    assert name == "partner-7.a_B"
    lines = log.getvalue().splitlines()
    assert lines
    assert sum("request_finished" in line for line in lines) == 1
    assert not any("request_started" in line for line in lines)
    assert [line for line in lines if "partner-7.a_B" not in line] == []
    assert not any("hush" in line for line in lines)


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "é", "<script>", 'a"b'])
def test_a_name_that_is_not_sound_is_replaced(db: None, given: str) -> None:
    name = Client(headers={"x-request-id": given.encode().decode("latin-1")}).get("/").headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f-]{36}", name)


@override_settings(API_CALLS_PER_MINUTE=2)
@time_machine.travel(factories.NOW, tick=False)
def test_calls_are_counted_per_app(studio_app: OAuthApp, rival_app: OAuthApp) -> None:
    first, second = bearer(studio_app), bearer(studio_app)
    answers = [client.get("/public/v1/categories") for client in (first, second, first)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    refused = answers[2]
    assert refused.json()["data"] is None
    assert refused.headers["RateLimit-Limit"] == "2"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert bearer(rival_app).get("/public/v1/categories").status_code == 200


@override_settings(API_CALLS_PER_MINUTE=1)
def test_the_next_minute_begins_anew(studio_app: OAuthApp) -> None:
    quotas = [
        throttle.count("app", now=factories.NOW + timedelta(seconds=seconds)) for seconds in (0, 59, 60)
    ]
    assert [(quota.used, quota.exceeded, quota.reset) for quota in quotas] == [
        (1, False, 60),
        (2, True, 1),
        (1, False, 60),
    ]


@override_settings(REDIS_URL="redis://127.0.0.1:1/0", API_CALLS_PER_MINUTE=1)
def test_without_an_answer_of_redis_nobody_is_turned_away(studio_app: OAuthApp) -> None:
    client = Client(headers={"authorization": f"Bearer {access_token(studio_app)}"})
    assert [client.get("/public/v1/categories").status_code for _ in range(3)] == [200] * 3


def test_processes_count_together_in_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's calls are known a fifth of a second later, one's own at once; nothing is counted twice."""
    with running_valkey() as url, override_settings(REDIS_URL=url, API_CALLS_PER_MINUTE=100):
        others = redis.Redis.from_url(url)
        monkeypatch.setattr(throttle, "EVERY", 3600)
        first = throttle.count("partner", now=factories.NOW)
        (key,) = others.keys("drops:calls:partner:*")
        assert (first.used, int(others.get(key))) == (1, 1)
        others.incrby(key, 50)
        assert [throttle.count("partner", now=factories.NOW).used for _ in range(3)] == [2, 3, 4]
        assert [throttle.standing("partner", now=factories.NOW, limit=9).used for _ in range(2)] == [4, 4]
        throttle._memory.tallies[key.decode()].say_at = 0.0  # as a fifth of a second does
        assert throttle.count("partner", now=factories.NOW).used == 55
        assert int(others.get(key)) == 55
        assert 0 < others.ttl(key) <= 60
        others.close()


KEYED = [
    "/accounts/password/reset/key/1-hush-hush/",
    "/accounts/password/reset/key/1-hush-hush",
    "/accounts/confirm-email/hush:hush/",
    "/accounts/confirm-email/hush:hush",
    "/accounts/email/undo/1.hush/",
    "/accounts/email/undo/1.hush",
    "/accounts/no/such/hush/",
]


@pytest.mark.parametrize("address", KEYED)
@pytest.mark.parametrize("method", ["get", "put"])
def test_the_key_in_an_address_is_in_no_line(db: None, log: StringIO, method: str, address: str) -> None:
    getattr(Client(), method)(address)

    assert "request_finished" in log.getvalue()
    assert "/accounts/" in log.getvalue()
    assert "hush" not in log.getvalue()


@pytest.mark.urls("tests.config.urls_that_fail")
def test_a_key_is_in_no_line_about_a_fault(db: None, log: StringIO, client: Client) -> None:
    client.raise_request_exception = False

    client.get("/fails/500/hush/")

    assert "request_failed" in log.getvalue()
    assert "Traceback" in log.getvalue()
    assert "hush" not in log.getvalue()


@pytest.mark.urls("tests.config.urls_that_fail")
@pytest.mark.parametrize(
    ("path", "host", "status", "told"),
    [
        ("/", "x", 400, "Invalid HTTP_HOST header"),
        ("/fails/400/", "127.0.0.1", 400, "a secret that no page shows"),
        ("/fails/403/", "127.0.0.1", 403, "Forbidden (Permission denied): /fails/403/"),
    ],
)
def test_a_refusal_is_one_line_without_a_traceback(
    db: None, log: StringIO, client: Client, path: str, host: str, status: int, told: str
) -> None:
    assert client.get(path, headers={"host": host}).status_code == status

    lines = [line for line in log.getvalue().splitlines() if "request_finished" not in line]
    assert len(lines) == 1
    assert told in lines[0]
    assert "Traceback" not in lines[0]
