"""Thousands of calls that nobody thought of, valid and not: no 5xx, nothing that the schema does not say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, settings as examples
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import OAuthApp, Organization
from config.api.schema import document
from tests.schema import caller_of, world_of_examples

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
described = schemathesis.openapi.from_dict(document())
described.app = get_wsgi_application()
fuzzed = examples(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# Who is refused is so before anything is read: the schema's limits, one by one, would all meet the same answer.
refused = examples(fuzzed, phases=[Phase.generate])


def read_for(who: str) -> BaseSchema:
    """The operations that read what the token of `who` sends."""
    return described.include(lambda context: _is_read_for(who, context.operation))


def refused_to(who: str) -> BaseSchema:
    """The others."""
    return described.exclude(lambda context: _is_read_for(who, context.operation))


def _is_read_for(who: str, operation: APIOperation) -> bool:
    needs = operation.definition.raw.get("security")
    if needs is None:
        return True
    any_token = {"oauth2": []} in needs
    return caller_of(operation.path) == who or (any_token and who == "viewer")


@pytest.fixture(autouse=True)
def _connection_stays_open() -> Iterator[None]:
    """As Django's own test client does it: the connection holds the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def tokens(studio: Organization, studio_app: OAuthApp) -> dict[str, Client]:
    with world_of_examples(studio=studio, app=studio_app) as clients:
        yield clients


def call(case: schemathesis.Case, client: Client) -> None:
    token = client.defaults.get("HTTP_AUTHORIZATION")
    headers = {"Authorization": str(token)} if token else {}
    case.call_and_validate(headers=headers, checks=CHECKS, base_url=settings.SITE_URL)


@read_for("app").parametrize()
@fuzzed
@pytest.mark.django_db
def test_with_the_token_of_an_app(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    call(case, tokens["app"])


@read_for("viewer").parametrize()
@fuzzed
@pytest.mark.django_db
def test_with_the_token_of_a_viewer(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    call(case, tokens["viewer"])


@described.include(path_regex="^/platform/").parametrize()
@fuzzed
@pytest.mark.django_db
def test_with_the_token_of_the_platform(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    call(case, tokens["platform"])


@described.include(path_regex="^/viewer/v1/(beat|status)").parametrize()
@fuzzed
@pytest.mark.django_db
def test_with_the_token_of_a_player(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    call(case, tokens["player"])


@read_for("anybody").parametrize()
@fuzzed
@pytest.mark.django_db
def test_without_a_token(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    call(case, tokens["anybody"])


@refused_to("app").parametrize()
@refused
@pytest.mark.django_db
def test_where_an_app_may_not(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    call(case, tokens["app"])


@refused_to("viewer").parametrize()
@refused
@pytest.mark.django_db
def test_where_a_viewer_may_not(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    call(case, tokens["viewer"])


@refused_to("anybody").parametrize()
@refused
@pytest.mark.django_db
def test_where_a_token_is_needed(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    call(case, tokens["anybody"])
