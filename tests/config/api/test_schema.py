"""The schema is valid, complete, and true: every example in it is called, and every answer is as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.validation import validate_schema

from accounts.models import OAuthApp, Organization
from config.api.envelope import API_PREFIXES
from config.api.schema import document
from tests.schema import Operation, call, caller_of, operations, world_of_examples

THE_DOCUMENT_ITSELF = "/public/v1/openapi.json"


def test_the_document_is_valid_openapi_3_1() -> None:
    found = Client().get("/public/v1/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    validate_schema(found)
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern)


def test_every_address_of_the_apis_is_described() -> None:
    described = {path.replace("{", "<str:").replace("}", ">") for path in document()["paths"]}
    served = {
        route
        for route in routes(get_resolver().url_patterns)
        if route.startswith(API_PREFIXES) and route != THE_DOCUMENT_ITSELF
    }
    assert served - described == set()


@pytest.fixture
def world(studio: Organization, studio_app: OAuthApp) -> Iterator[dict[str, Client]]:
    with world_of_examples(studio=studio, app=studio_app) as clients:
        yield clients


def check_answer(operation: dict[str, Any], response: Any) -> None:
    """The status is described, and the answer is what is described for it."""
    described = operation["responses"][str(response.status_code)]
    if "content" not in described:
        assert response.content == b""
        return
    assert response.headers["Content-Type"] == "application/json"
    schema = described["content"]["application/json"]["schema"]
    jsonschema.validate(response.json(), {**schema, "components": document()["components"]})


def succeeds(operation: dict[str, Any]) -> str:
    return max(status for status in operation["responses"] if status.startswith(("2", "3")))


CALLS = [
    pytest.param(operation, id=operation[2]["operationId"])
    for operation in operations()
    if not operation[0].startswith("/oauth/")
]


@pytest.mark.django_db
@pytest.mark.parametrize("operation", CALLS)
def test_every_example_works_and_is_answered_as_described(
    world: dict[str, Client], operation: Operation
) -> None:
    path, method, described = operation
    response = call(world[caller_of(path)], path, method, described)
    assert str(response.status_code) == succeeds(described), response.content
    check_answer(described, response)


@pytest.mark.django_db
@pytest.mark.parametrize("operation", CALLS)
def test_refusals_are_as_described(world: dict[str, Client], operation: Operation) -> None:
    path, method, described = operation
    for who, client in world.items():
        for changes in (
            {},
            {"limit": "x"},
            {"campaign_id": "nothing", "reward_id": "x", "slug": "nobody", "channel_id": "x"},
        ):
            response = call(client, path, method, described, **changes)
            assert str(response.status_code) in described["responses"], (who, changes, response.content)
            check_answer(described, response)


def test_the_page_has_everything_from_our_own_host(db: None) -> None:
    response = Client().get("/developers/api/")
    page = response.content.decode()
    assert response.status_code == 200
    assert 'data-schema="/public/v1/openapi.json"' in page
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "https://cdn" not in page
