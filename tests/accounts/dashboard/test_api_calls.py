"""The list of API requests: filtered by answer, address and time, found by request ID, flat at any length."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiCall, OAuthApp, Organization, StatusClass
from config.ulid import ulid_of
from tests import factories
from tests.dashboard import words
from tests.factories import NOW
from tests.plans import analyze, empty, rows_read

PAGE = "/dashboard/requests/"


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


def made(app: OAuthApp, *, ago: timedelta = timedelta(), status: int = 200, **values: Any) -> ApiCall:
    return ApiCall(
        **{
            "id": ulid_of(NOW - ago),
            "app": app,
            "organization": app.organization,
            "kind": "app",
            "method": "GET",
            "route": "/public/v1/drops/claims",
            "path": "/public/v1/drops/claims?limit=7",
            "status": status,
            "status_class": StatusClass(status // 100 or 2),
            "milliseconds": 12,
            "request_id": "r",
            **values,
        }
    )


def rows(client: Client, query: str = "") -> list[ApiCall]:
    return list(client.get(f"{PAGE}{query}").context["cl"].result_list)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["now", "early", "old"]),
        ("?answer=4", ["early"]),
        ("?answer=9", ["now", "early", "old"]),
        ("?time=15m", ["now"]),
        ("?time=24h", ["now", "early"]),
        ("?time=2026-11-17", ["old"]),
        ("?time=2026-13-99", ["now", "early", "old"]),
        ("?route=/oauth/token", ["old"]),
        ("?route=/nothing", ["now", "early", "old"]),
        ("?q=early", ["early"]),
        ("?q=earl", []),
        ("?answer=4&time=15m", []),
    ],
)
def test_filters(owner_client: Client, studio_app: OAuthApp, query: str, found: list[str]) -> None:
    made(studio_app, request_id="now").save(force_insert=True)
    made(studio_app, request_id="early", ago=timedelta(hours=2), status=404).save(force_insert=True)
    made(studio_app, request_id="old", ago=timedelta(days=3), route="/oauth/token").save(force_insert=True)
    assert [row.request_id for row in rows(owner_client, query)] == found


def test_the_request_id_of_an_error_leads_to_its_row(owner_client: Client, studio_app: OAuthApp) -> None:
    row = made(studio_app, request_id="8f14e45f-ea1b", status=500, error="error")
    row.save(force_insert=True)
    found = owner_client.get("/dashboard/search/?q=8f14e45f-ea1b")
    assert f"{PAGE}{row.pk}/change/" in found.content.decode()
    shown = words(owner_client.get(f"{PAGE}{row.pk}/change/"))
    for text in ("GET /public/v1/drops/claims?limit=7", "Internal Server Error", "12", "8f14e45f-ea1b"):
        assert text in shown


def test_the_list_shortens_ids_and_the_file_has_them_whole(
    owner_client: Client, studio_app: OAuthApp
) -> None:
    made(studio_app, request_id="8f14e45f-ea1b-4c1d-8888-000000000001").save(force_insert=True)
    assert ">8f14e45f…<" in owner_client.get(PAGE).content.decode()
    file = b"".join(owner_client.get(f"{PAGE}export.csv")).decode()
    assert "8f14e45f-ea1b-4c1d-8888-000000000001" in file


def test_calls_that_were_only_counted_are_told(owner_client: Client, studio_app: OAuthApp) -> None:
    made(studio_app, more=12345, status=0, method="", path="", request_id="").save(force_insert=True)
    assert "and 12,345 more in this minute" in words(owner_client.get(PAGE))
    file = b"".join(owner_client.get(f"{PAGE}export.csv")).decode()
    assert "and 12,345 more in this minute" in file


def test_the_file_has_each_column(owner_client: Client, studio_app: OAuthApp) -> None:
    made(studio_app, status=404, error="not_found", request_id="=1+1").save(force_insert=True)
    header, line = b"".join(owner_client.get(f"{PAGE}export.csv")).decode().splitlines()[:2]
    assert "GET /public/v1/drops/claims?limit=7,404 Not Found,12,not_found,'=1+1," in line
    assert "Request ID" in header


def test_another_organizations_requests_are_not_there(
    owner_client: Client, rival_studio: Organization
) -> None:
    row = made(factories.OAuthAppFactory(organization=rival_studio), request_id="theirs")
    row.save(force_insert=True)
    assert not rows(owner_client, "?q=theirs")
    assert owner_client.get(f"{PAGE}{row.pk}/change/").status_code == 404


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?answer=5",
        "?time=24h",
        "?time=2026-11-18",
        "?route=/oauth/token",
        "?q=r17",
        "?app__id__exact={app}",
    ],
)
def test_a_list_of_many_reads_no_more_than_one_of_few(
    owner_client: Client, studio_app: OAuthApp, query: str
) -> None:
    """Filters that match much and filters that match little, each from an index."""
    empty(ApiCall)
    rival = factories.OAuthAppFactory()
    query = query.format(app=studio_app.pk)

    def read(count: int, begin: int) -> float:
        calls = [
            made(
                rival if number % 2 else studio_app,
                # Four days, each with more than a page, however many there are.
                ago=timedelta(seconds=number % 2_000 * 180 + number // 2_000),
                status=500 if number % 3 == 0 else 200,
                route="/oauth/token" if number % 4 == 0 else "/public/v1/drops/claims",
                request_id=f"r{number}",
            )
            for number in range(begin, begin + count)
        ]
        ApiCall.objects.bulk_create(calls, batch_size=1_000)
        analyze(ApiCall)
        with CaptureQueriesContext(connection) as caught:
            owner_client.get(f"{PAGE}{query}")
        asked = [each["sql"] for each in caught if '"accounts_apicall"' in each["sql"]]
        return sum(rows_read(sql.replace("%", "%%")) for sql in asked if "COUNT" not in sql)

    few = read(2_000, 0)
    many = read(6_000, 2_000)
    assert many <= few + 60
