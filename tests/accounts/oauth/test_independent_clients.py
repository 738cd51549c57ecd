"""Clients that others wrote, over real HTTP: Authlib, requests-oauthlib and oauthlib know nothing of our code."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from django.test import Client
from oauthlib.oauth2 import BackendApplicationClient, WebApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError, OAuth2Error
from pytest_django.live_server_helper import LiveServer
from requests_oauthlib import OAuth2Session

from accounts.models import OAuthApp, Organization, User
from tests.api import CALLBACK, VERIFIER

pytestmark = pytest.mark.django_db(transaction=True)

AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """oauthlib insists on TLS otherwise; the server here is on this machine."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(autouse=True)
def _no_open_connection(live_server: LiveServer) -> Iterator[None]:
    """No client outlives its test: the server's thread for it shares the test's database connection."""
    yield
    gc.collect()
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(60)


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer)
    return client


def press_allow(browser: Client, server: LiveServer, address: str) -> str:
    """The viewer agrees. Returns where the browser is sent: an https address, as the clients want it."""
    response = browser.post(address.removeprefix(server.url), {"allow": "yes"})
    assert response.status_code == 302, response.content
    return response.headers["Location"]


def me(server: LiveServer, session: Any) -> str:
    response = session.get(f"{server.url}/public/v1/users")
    response.raise_for_status()
    return response.json()["data"][0]["name"]


def authlib(app: OAuthApp, method: str = "client_secret_basic", **more: Any) -> AuthlibSession:
    return AuthlibSession(
        app.client_id,
        "secret",
        redirect_uri=CALLBACK,
        scope="user:read",
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        **more,
    )


@pytest.mark.parametrize("method", AUTH_METHODS)
def test_authlib_connects_refreshes_and_revokes(
    live_server: LiveServer, studio_app: OAuthApp, browser: Client, method: str
) -> None:
    endpoint = f"{live_server.url}/oauth/token"
    session = authlib(studio_app, method, token_endpoint=endpoint)
    address, state = session.create_authorization_url(
        f"{live_server.url}/oauth/authorize", code_verifier=VERIFIER
    )
    returned = press_allow(browser, live_server, address)
    token = session.fetch_token(
        endpoint, authorization_response=returned, state=state, code_verifier=VERIFIER
    )
    assert me(live_server, session) == "viewer"
    renewed = session.refresh_token(endpoint, refresh_token=token["refresh_token"])
    assert renewed["access_token"] != token["access_token"]
    assert me(live_server, session) == "viewer"
    answer = session.revoke_token(
        f"{live_server.url}/oauth/revoke", renewed["refresh_token"], "refresh_token"
    )
    assert (answer.status_code, answer.json()) == (200, {})
    with pytest.raises(requests.HTTPError, match="401"):
        me(live_server, session)


@pytest.mark.parametrize("method", AUTH_METHODS)
def test_authlib_speaks_for_the_app_itself(
    live_server: LiveServer, studio_app: OAuthApp, method: str
) -> None:
    session = AuthlibSession(studio_app.client_id, "secret", token_endpoint_auth_method=method)
    session.fetch_token(f"{live_server.url}/oauth/token", grant_type="client_credentials")
    assert session.get(f"{live_server.url}/public/v1/drops/claims").json()["data"]["claims"] == []


@pytest.mark.parametrize("method", AUTH_METHODS)
def test_authlib_hears_of_a_wrong_secret(live_server: LiveServer, studio_app: OAuthApp, method: str) -> None:
    session = AuthlibSession(studio_app.client_id, "wrong", token_endpoint_auth_method=method)
    with pytest.raises(OAuthError, match="invalid_client"):
        session.fetch_token(f"{live_server.url}/oauth/token", grant_type="client_credentials")


def test_authlib_cannot_replay_a_code_nor_use_another_verifier(
    live_server: LiveServer, studio_app: OAuthApp, browser: Client
) -> None:
    endpoint = f"{live_server.url}/oauth/token"

    def fetch(returned: str, state: str, verifier: str) -> dict[str, Any]:
        return dict(
            authlib(studio_app, state=state).fetch_token(
                endpoint, authorization_response=returned, code_verifier=verifier
            )
        )

    address, state = authlib(studio_app).create_authorization_url(
        f"{live_server.url}/oauth/authorize", code_verifier=VERIFIER
    )
    returned = press_allow(browser, live_server, address)
    with pytest.raises(OAuthError, match="invalid_grant"):
        fetch(returned, state, "another-verifier-of-the-right-length-0123456789")
    first = fetch(returned, state, VERIFIER)
    with pytest.raises(OAuthError, match="invalid_grant"):
        fetch(returned, state, VERIFIER)
    dead = requests.get(
        f"{live_server.url}/public/v1/users",
        headers={"Authorization": f"Bearer {first['access_token']}"},
        timeout=60,
    )
    assert dead.status_code == 401


def web_session(app: OAuthApp, scope: list[str]) -> OAuth2Session:
    return OAuth2Session(
        client=WebApplicationClient(app.client_id), redirect_uri=CALLBACK, scope=scope, pkce="S256"
    )


# What clients written for the contract ask for, all at once: this one refuses an answer with other scopes.
KNOWN = ["user:read", "channel:read", "chat:write", "events:subscribe", "kicks:read"]


@pytest.mark.parametrize("in_body", [False, True])
def test_requests_oauthlib_connects_and_refreshes(
    live_server: LiveServer, studio_app: OAuthApp, browser: Client, in_body: bool
) -> None:
    session = web_session(studio_app, KNOWN)
    address, _ = session.authorization_url(f"{live_server.url}/oauth/authorize", prompt="consent")
    returned = press_allow(browser, live_server, address)
    endpoint = f"{live_server.url}/oauth/token"
    token = session.fetch_token(
        endpoint, authorization_response=returned, client_secret="secret", include_client_id=in_body
    )
    assert set(token["scope"]) == set(KNOWN)
    assert me(live_server, session) == "viewer"
    credentials = {"client_id": studio_app.client_id, "client_secret": "secret"}
    session.refresh_token(endpoint, **credentials)
    assert me(live_server, session) == "viewer"
    with pytest.raises(InvalidGrantError):
        session.refresh_token(endpoint, refresh_token=token["refresh_token"], **credentials)
    with pytest.raises(InvalidGrantError):  # the reuse ended the family
        session.refresh_token(endpoint, refresh_token=session.token["refresh_token"], **credentials)


@pytest.mark.parametrize("in_body", [False, True])
def test_requests_oauthlib_speaks_for_the_app_itself(
    live_server: LiveServer, studio_app: OAuthApp, in_body: bool
) -> None:
    session = OAuth2Session(client=BackendApplicationClient(studio_app.client_id, scope=["drops:write"]))
    token = session.fetch_token(
        f"{live_server.url}/oauth/token", client_secret="secret", include_client_id=in_body
    )
    assert token["scope"] == ["drops:write"]
    with pytest.raises(InvalidClientError):
        session.fetch_token(f"{live_server.url}/oauth/token", client_secret="x", include_client_id=in_body)


def test_oauthlib_reads_every_answer(
    live_server: LiveServer, studio_app: OAuthApp, browser: Client, studio: Organization
) -> None:
    """oauthlib alone writes the requests and parses the answers; plain requests carry them."""
    client = WebApplicationClient(studio_app.client_id)
    client.create_code_verifier(64)
    challenge = client.create_code_challenge(client.code_verifier, "S256")
    address, _, _ = client.prepare_authorization_request(
        f"{live_server.url}/oauth/authorize",
        state="s",
        redirect_url=CALLBACK,
        scope="user:read",
        code_challenge=challenge,
        code_challenge_method="S256",
    )
    code = client.parse_request_uri_response(press_allow(browser, live_server, address), state="s")["code"]
    body = client.prepare_request_body(
        code=code, redirect_uri=CALLBACK, code_verifier=client.code_verifier, client_secret="secret"
    )

    def post(body: str) -> requests.Response:
        return requests.post(
            f"{live_server.url}/oauth/token",
            data=body,
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            timeout=60,
        )

    token = client.parse_request_body_response(post(body).text, scope="user:read")
    assert type(token["expires_in"]) is int
    with pytest.raises(OAuth2Error, match="invalid_grant"):
        client.parse_request_body_response(post(body).text)


def test_requests_oauthlib_is_told_of_a_refusal(
    live_server: LiveServer, studio_app: OAuthApp, browser: Client
) -> None:
    session = web_session(studio_app, ["user:read"])
    address, _ = session.authorization_url(f"{live_server.url}/oauth/authorize")
    response = browser.post(address.removeprefix(live_server.url), {"allow": "no"})
    with pytest.raises(OAuth2Error, match="access_denied"):
        session.fetch_token(
            f"{live_server.url}/oauth/token",
            authorization_response=response.headers["Location"],
            client_secret="secret",
        )
