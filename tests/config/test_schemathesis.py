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
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import OAuthApp, Organization
from config.api.schema import document
from tests.schema import world_of_examples

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


def token_of(client: Client) -> dict[str, str]:
    return {"Authorization": client.defaults["HTTP_AUTHORIZATION"]}


@described.parametrize()
@fuzzed
@pytest.mark.django_db
def test_with_the_token_of_an_app(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    case.call_and_validate(headers=token_of(tokens["app"]), checks=CHECKS, base_url=settings.SITE_URL)


@described.parametrize()
@fuzzed
@pytest.mark.django_db
def test_with_the_token_of_a_viewer(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    case.call_and_validate(headers=token_of(tokens["viewer"]), checks=CHECKS, base_url=settings.SITE_URL)


@described.include(path_regex="^/platform/").parametrize()
@fuzzed
@pytest.mark.django_db
def test_with_the_token_of_the_platform(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    case.call_and_validate(headers=token_of(tokens["platform"]), checks=CHECKS, base_url=settings.SITE_URL)


@described.include(path_regex="^/viewer/v1/(beat|status)").parametrize()
@fuzzed
@pytest.mark.django_db
def test_with_the_token_of_a_player(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    case.call_and_validate(headers=token_of(tokens["player"]), checks=CHECKS, base_url=settings.SITE_URL)


@described.parametrize()
@fuzzed
@pytest.mark.django_db
def test_without_a_token(case: schemathesis.Case, tokens: dict[str, Client]) -> None:
    case.call_and_validate(headers={}, checks=CHECKS, base_url=settings.SITE_URL)
