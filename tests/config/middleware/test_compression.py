"""Pages are sent compressed where no secret stands in them."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client

from accounts.models import OAuthApp, User
from tests.api import bearer

GZIP = {"accept-encoding": "gzip, br"}


def encoding(client: Client, path: str) -> str:
    return client.get(path, headers=GZIP, follow=True).headers.get("Content-Encoding", "")


@pytest.mark.parametrize("path", ["/", "/campaigns/", "/channels/", "/nothing", "/inventory/"])
def test_pages_of_viewers_are_compressed(client: Client, viewer: User, path: str) -> None:
    client.force_login(viewer)
    answer = client.get(path, headers=GZIP)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert b"</html>" in gzip.decompress(answer.content)
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert "Content-Encoding" not in client.get(path).headers


@pytest.mark.parametrize(
    "path", ["/settings/", "/settings/connections/", "/accounts/email/", "/accounts/2fa/"]
)
def test_pages_with_secrets_are_not(client: Client, viewer: User, path: str) -> None:
    client.force_login(viewer)

    assert encoding(client, path) == ""


@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/claims/", "/dashboard/apps/"])
def test_the_dashboard_is_not(owner_client: Client, path: str) -> None:
    assert encoding(owner_client, path) == ""


def test_answers_of_the_apis_are_not(studio_app: OAuthApp) -> None:
    assert encoding(bearer(studio_app), "/public/v1/drops/claims") == ""
    assert encoding(Client(), "/public/v1/openapi.json") == ""
