"""The page that tells operators what is late, and the public one that tells viewers how fresh minutes are."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Organization, User
from config import metrics
from config.metrics import Reading
from drops.domain import readings
from tests import factories
from tests.dashboard import sign_in
from tests.factories import NOW
from tests.html import text_of


def late_by(seconds: float, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The oldest beat waits for so long."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(metrics, "sources", {"watch time": lambda _: [Reading(readings.LAG, seconds)]})


@pytest.mark.django_db
@pytest.mark.parametrize("servers", [1, 3])
def test_operators_see_which_servers_are_down_at_the_cost_of_one(
    client: Client, operator: User, studio: Organization, servers: int, django_assert_num_queries: Any
) -> None:
    factories.WebhookEndpointFactory.create_batch(servers, organization=studio, failing_since=NOW)
    well = factories.WebhookEndpointFactory(organization=studio, url="https://well.example.com/hook")
    page = sign_in(client, operator)
    page.get("/admin/health/")  # what it reads of rows and Redis is kept

    with django_assert_num_queries(4):
        answer = page.get("/admin/health/")

    assert answer.content.decode().count("Northlight Games") == servers
    assert well.server not in answer.content.decode()


@pytest.mark.django_db
def test_operators_see_what_is_late(
    client: Client, operator: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    late_by(600, monkeypatch, settings)

    page = text_of(sign_in(client, operator).get("/admin/health/"))

    assert "The oldest beat that is not credited yet 10 minutes Late" in page
    assert re.search("The oldest delivery that is due . Unknown", page)


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["owner", "viewer"])
def test_nobody_else_sees_it(client: Client, who: str, request: pytest.FixtureRequest) -> None:
    assert client.get("/admin/health/").status_code == 302
    assert sign_in(client, request.getfixturevalue(who)).get("/admin/health/").status_code in (302, 403)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "Watch time is counted as it comes in."),
        (120, "Watch time is counted as it comes in."),
        (121, "Counting is 3 minutes behind."),
    ],
)
def test_everybody_sees_how_fresh_minutes_are(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    seconds: float,
    words: str,
    django_assert_num_queries: Any,
) -> None:
    late_by(seconds, monkeypatch, settings)

    with django_assert_num_queries(0):
        page = text_of(client.get("/status/"))

    assert words in page


@pytest.mark.django_db
def test_what_nobody_knows_is_said(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert "Nobody knows at the moment." in text_of(client.get("/status/"))
