"""The schema is valid, complete, and true: every example in it is called, and every answer is as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import time_machine
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.validation import validate_schema

from accounts.domain import links
from accounts.models import OAuthApp, Organization, User
from config.envelope import API_PREFIXES
from config.openapi import schema
from config.schema import EXAMPLE_ID, EXAMPLE_ULID
from fulfillment.domain import signing
from fulfillment.models import Attempt, Delivery
from tests import factories
from tests.api import bearer

METHODS = ("get", "post", "put", "patch", "delete")
# What only our own player and the platform call is described in docs/watch-time.md.
NOT_FOR_PARTNERS = ("/viewer/", "/platform/", "/public/v1/openapi.json")

Operation = tuple[str, str, dict[str, Any]]


def operations() -> Iterator[Operation]:
    for path, methods in schema()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def test_the_document_is_valid_openapi_3_1() -> None:
    document = Client().get("/public/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    validate_schema(document)
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern)


def test_every_address_of_the_apis_is_described() -> None:
    described = {path.replace("{", "<str:").replace("}", ">") for path in schema()["paths"]}
    served = {
        route
        for route in routes(get_resolver().url_patterns)
        if route.startswith(API_PREFIXES) and not route.startswith(NOT_FOR_PARTNERS)
    }
    assert served - described == set()


@pytest.fixture
def world(studio: Organization, studio_app: OAuthApp, streamer: User) -> Iterator[dict[str, Client]]:
    """Where everything that the examples name exists. Clients by what their token may do."""
    with time_machine.travel(factories.NOW, tick=False):
        viewer = factories.UserFactory(id=EXAMPLE_ID)
        channel = factories.ChannelFactory(owner=streamer, slug="streamer")
        factories.ChannelFactory(id=EXAMPLE_ID, owner=viewer)
        category = factories.CategoryFactory(id=EXAMPLE_ID, name="Skyforge Rally", organization=studio)
        campaign = factories.CampaignFactory(
            id=EXAMPLE_ULID, organization=studio, category=category, published_at=factories.NOW
        )
        reward = factories.RewardFactory(id=EXAMPLE_ULID, organization=studio, category=category)
        factories.CampaignRewardFactory(campaign=campaign, reward=reward, required_minutes=60)
        factories.AllowedChannelFactory(campaign=campaign, channel=channel)
        factories.LivestreamFactory(channel=channel, category=category)
        factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
        claim = factories.ClaimFactory(id=EXAMPLE_ULID, campaign=campaign, reward=reward, viewer=viewer)
        endpoint = factories.WebhookEndpointFactory(organization=studio)
        delivery = Delivery.objects.create(
            id=EXAMPLE_ULID,
            endpoint=endpoint,
            claim=claim,
            event_type="drops.claim.created",
            body=b"{}",
            created_at=factories.NOW,
            next_attempt_at=factories.NOW,
        )
        Attempt.objects.create(
            delivery=delivery, endpoint=endpoint, number=1, trigger="claim", started_at=factories.NOW
        )
        signing.create_signing_key(now=factories.NOW)
        links.link(viewer=viewer, app=studio_app, now=factories.NOW)
        yield {
            "app": bearer(studio_app, scope="drops:write"),
            "viewer": bearer(studio_app, user=viewer, scope="user:read channel:read"),
            "anybody": Client(),
        }


def example_of(parameter: dict[str, Any]) -> Any:
    examples = parameter.get("examples")
    return next(iter(examples.values()))["value"] if examples else None


def call(client: Client, path: str, method: str, operation: dict[str, Any], **changes: Any) -> Any:
    """Call the operation as its examples say."""
    query = {}
    for parameter in operation.get("parameters", []):
        value = changes.get(parameter["name"], example_of(parameter))
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif parameter["in"] == "query" and value is not None:
            query[parameter["name"]] = value
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = example_of(content) if content else None
    return client.generic(
        method.upper(),
        path,
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        query_params=query,
    )


def check_answer(operation: dict[str, Any], response: Any) -> None:
    """The status is described, and the answer is what is described for it."""
    described = operation["responses"][str(response.status_code)]
    if "content" not in described:
        assert response.content == b""
        return
    assert response.headers["Content-Type"] == "application/json"
    jsonschema.validate(response.json(), described["content"]["application/json"]["schema"])


def succeeds(operation: dict[str, Any]) -> str:
    return next(status for status in operation["responses"] if status.startswith("2"))


PARTNERS = [
    pytest.param(operation, id=operation[2]["operationId"])
    for operation in operations()
    if not operation[0].startswith("/oauth/")
]


@pytest.mark.django_db
@pytest.mark.parametrize("operation", PARTNERS)
def test_every_example_works_and_is_answered_as_described(
    world: dict[str, Client], operation: Operation
) -> None:
    path, method, described = operation
    who = "viewer" if path.startswith("/api/") else "app"
    response = call(world[who], path, method, described)
    assert str(response.status_code) == succeeds(described), response.content
    check_answer(described, response)


@pytest.mark.django_db
@pytest.mark.parametrize("operation", PARTNERS)
def test_refusals_are_as_described(world: dict[str, Client], operation: Operation) -> None:
    path, method, described = operation
    for who, client in world.items():
        for changes in ({}, {"limit": "x"}, {"campaign_id": "nothing", "reward_id": "x", "slug": "nobody"}):
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
