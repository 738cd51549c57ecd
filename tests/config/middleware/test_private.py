"""What was made for one person or one token is kept by no cache; what is the same for all may be."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import OAuthApp, User
from tests.api import bearer


def kept(client: Client, path: str) -> str:
    """What the answer says to caches; "" where they do as they like."""
    return client.get(path).headers.get("Cache-Control", "")


@pytest.mark.parametrize("path", ["/", "/campaigns/", "/channels/", "/public/v1/public-key", "/nothing"])
def test_pages_that_are_the_same_for_all_may_be_kept(client: Client, db: None, path: str) -> None:
    assert kept(client, path) == ""


@pytest.mark.parametrize("path", ["/", "/campaigns/", "/inventory/", "/settings/", "/public/v1/public-key"])
def test_nothing_that_was_made_for_a_person_is_kept(client: Client, viewer: User, path: str) -> None:
    client.force_login(viewer)

    assert "no-store" in kept(client, path)


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/password/reset/key/1-set-password/",
        "/accounts/confirm-email/MQ:key/",
        "/dashboard/",
        "/admin/",
        "/oauth/authorize",
        "/settings/",
    ],
)
def test_addresses_that_hold_secrets_are_never_kept(client: Client, db: None, path: str) -> None:
    assert "no-store" in kept(client, path)


def test_no_answer_to_a_token_is_kept(studio_app: OAuthApp) -> None:
    for path in ("/public/v1/drops/claims", "/public/v1/categories", "/public/v1/nothing"):
        assert kept(bearer(studio_app), path) == "no-store"


def test_the_answer_that_signs_somebody_in_is_not_kept(client: Client, viewer: User) -> None:
    viewer.set_password("drops-demo-password")
    viewer.save()

    answer = client.post("/accounts/login/", {"login": viewer.username, "password": "drops-demo-password"})

    assert "no-store" in answer.headers["Cache-Control"]
