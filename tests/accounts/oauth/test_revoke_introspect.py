import base64

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken, RefreshToken

from accounts.domain import links
from accounts.models import GameLink, OAuthApp, Organization, User
from tests.api import access_token, connect, token_request


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer)
    return client


def assert_revoked(response) -> None:
    assert (response.status_code, response.content) == (200, b"{}")
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("where", ["query", "body"])
@pytest.mark.parametrize("hint", [None, "token_hint_type", "token_type_hint"])
def test_either_token_ends_both_and_the_link(
    browser: Client, studio_app: OAuthApp, viewer: User, studio: Organization, kind, where, hint
) -> None:
    tokens = connect(browser, studio_app)
    fields = {"token": tokens[kind]} | ({hint: kind} if hint else {})
    assert_revoked(
        Client().post("/oauth/revoke", fields)
        if where == "body"
        else Client().post("/oauth/revoke", query_params=fields)
    )
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.filter(revoked__isnull=True).exists()
    assert not links.is_linked(viewer=viewer, organization=studio)
    assert GameLink.objects.get(viewer=viewer).unlinked_at is not None


def test_the_link_stays_while_the_app_has_another_authorization(
    browser: Client, studio_app: OAuthApp, viewer: User, studio: Organization
) -> None:
    first, second = connect(browser, studio_app), connect(browser, studio_app)
    Client().post("/oauth/revoke", {"token": first["access_token"]})
    assert links.is_linked(viewer=viewer, organization=studio)
    Client().post("/oauth/revoke", {"token": second["refresh_token"]})
    assert not links.is_linked(viewer=viewer, organization=studio)


@pytest.mark.parametrize("token", ["", "unknown", "\x00", "x" * 10_000])
def test_a_token_that_does_not_exist_is_no_error(db: None, token: str) -> None:
    assert_revoked(Client().post("/oauth/revoke", {"token": token}))
    assert_revoked(Client().post("/oauth/revoke"))


def test_credentials_may_come_with_it(studio_app: OAuthApp) -> None:
    raw = access_token(studio_app)
    assert_revoked(
        Client().post(
            "/oauth/revoke", {"token": raw, "client_id": studio_app.client_id, "client_secret": "secret"}
        )
    )
    assert not AccessToken.objects.exists()


def test_another_app_ends_nothing(studio_app: OAuthApp, rival_app: OAuthApp) -> None:
    raw = access_token(studio_app)
    body = {"token": raw, "client_id": rival_app.client_id, "client_secret": "secret"}
    pair = base64.b64encode(f"{rival_app.client_id}:secret".encode()).decode()
    by_basic = {"authorization": f"Basic {pair}"}
    assert_revoked(Client().post("/oauth/revoke", body))
    assert_revoked(Client().post("/oauth/revoke", {"token": raw}, headers=by_basic))
    assert AccessToken.objects.exists()


def test_an_app_token_can_be_revoked(studio_app: OAuthApp) -> None:
    raw = token_request(studio_app, grant_type="client_credentials").json()["access_token"]
    assert_revoked(Client().post("/oauth/revoke", {"token": raw}))
    assert introspect(raw).json()["data"] == {"active": False}


def introspect(raw: str, path: str = "/oauth/token/introspect", **kwargs):
    return Client(headers={"authorization": f"Bearer {raw}"}).post(path, **kwargs)


@pytest.mark.parametrize("path", ["/oauth/token/introspect", "/public/v1/token/introspect"])
def test_introspection_tells_of_the_bearer_token(studio_app: OAuthApp, viewer: User, path: str) -> None:
    body = introspect(access_token(studio_app, user=viewer, scope="user:read"), path).json()
    assert body["message"] == "OK"
    assert body["data"].keys() == {"active", "client_id", "token_type", "scope", "exp"}
    assert body["data"] | {"exp": 0} == {
        "active": True,
        "client_id": studio_app.client_id,
        "token_type": "user",
        "scope": "user:read",
        "exp": 0,
    }
    assert type(body["data"]["exp"]) is int
    assert introspect(access_token(studio_app), path).json()["data"]["token_type"] == "app"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "multipart/form-data", "x"])
def test_the_content_type_of_introspection_does_not_matter(studio_app: OAuthApp, content_type: str) -> None:
    response = introspect(access_token(studio_app), data=b"", content_type=content_type)
    assert response.json()["data"]["active"] is True


def test_dead_and_unknown_tokens_are_inactive_and_no_more_is_said(studio_app: OAuthApp) -> None:
    for raw in ("unknown", "\x00", "x" * 10_000):
        response = introspect(raw)
        assert (response.status_code, response.json()) == (200, {"data": {"active": False}, "message": "OK"})


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "Basic eDp5"}])
def test_introspection_without_a_bearer_token_is_401(db: None, headers: dict[str, str]) -> None:
    response = Client(headers=headers).post("/oauth/token/introspect")
    assert (response.status_code, response.json()) == (401, {"data": None, "message": "Unauthorized"})
