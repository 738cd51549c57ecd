"""A rival's app walks the schema and finds nothing of the studio's: what is new is covered when it is described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client

from accounts.models import OAuthApp, Organization, User
from tests.api import bearer
from tests.schema import Operation, call, operations, world_of_examples

MARKER = "zebrafish"
PARTNERS = [
    pytest.param(operation, id=operation[2]["operationId"])
    for operation in operations()
    # What viewers read is public; what tokens may do is tried in tests/accounts/oauth.
    if operation[0].startswith("/public/v1/") and "introspect" not in operation[0]
]


@pytest.fixture
def clients(
    studio: Organization, studio_app: OAuthApp, rival_app: OAuthApp, stranger: User
) -> Iterator[dict[str, Client]]:
    with world_of_examples(studio=studio, app=studio_app, marker=MARKER) as clients:
        yield {
            "owner": clients["app"],
            "rival": bearer(rival_app, scope="drops:write drops:replay"),
            "rival's user": bearer(rival_app, user=stranger, scope="user:read"),
            "stranger": Client(),
        }


def everything_of_the_studio() -> str:
    """All rows but the traces that any call may leave."""
    models = [
        model
        for label in ("accounts", "drops", "fulfillment")
        for model in apps.get_app_config(label).get_models()
        if model.__name__ not in ("AuditEvent", "IdempotentCall")
    ]
    rows = [row for model in models for row in model.objects.order_by("pk")]
    return serializers.serialize("json", [row for row in rows if not is_the_rivals(row)])


def is_the_rivals(row: object) -> bool:
    organization = getattr(row, "organization", None)
    return organization is not None and organization.slug == "rival-works"


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["rival", "rival's user", "stranger"])
@pytest.mark.parametrize("operation", PARTNERS)
def test_nobody_else_reads_or_changes_anything(
    clients: dict[str, Client], operation: Operation, who: str
) -> None:
    before = everything_of_the_studio()
    response = call(clients[who], *operation)
    assert response.status_code < 500
    assert MARKER not in response.content.decode()
    assert everything_of_the_studio() == before


@pytest.mark.django_db
def test_the_marker_could_leak(clients: dict[str, Client]) -> None:
    """The studio itself meets the marker wherever a rival must not."""
    met = {
        operation["operationId"]
        for path, method, operation in operations()
        if path.startswith("/public/v1/drops/")
        and method == "get"
        and MARKER in call(clients["owner"], path, method, operation).content.decode()
    }
    assert met == {
        "campaigns",
        "campaign",
        "campaign_statistics",
        "rewards",
        "reward",
        "claims",
        "deliveries",
        "delivery",
        "rehearsal",
    }


def named_by_path(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Which of somebody's things an operation is about. Categories are everybody's."""
    return [
        parameter
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path" and parameter["name"] != "category_id"
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("operation", [param for param in PARTNERS if named_by_path(param.values[0][2])])
def test_a_foreign_thing_is_as_if_it_were_not_there(clients: dict[str, Client], operation: Operation) -> None:
    """The same answer for the studio's id as for one that nothing has."""
    parameter = named_by_path(operation[2])[0]
    studios = str(next(iter(parameter["examples"].values()))["value"])
    nobodys = "4321" if parameter["name"] == "user_id" else "01K0TDDR08Q5ZNWXK92VRXD7GX"
    theirs = call(clients["rival"], *operation)
    none = call(clients["rival"], *operation, **{parameter["name"]: nobodys})
    assert theirs.status_code == none.status_code == 404
    assert theirs.content.decode().replace(studios, "") == none.content.decode().replace(nobodys, "")
