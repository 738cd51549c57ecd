"""What the log of the API says of a request, and what it must never say."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.domain import api_calls
from accounts.models import ApiCall, OAuthApp, User
from accounts.oauth import limits
from config.api import throttle
from tests import factories
from tests.api import access_token, connect, token_request
from tests.dashboard import words
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def logged() -> ApiCall:
    api_calls.flush()
    return ApiCall.objects.get()


def get(client: Client, address: str, token: str, **headers: str) -> Any:
    return client.get(address, headers={"Authorization": f"Bearer {token}", **headers})


def test_a_call_with_the_apps_own_token(client: Client, studio_app: OAuthApp) -> None:
    answer = get(
        client, "/public/v1/drops/claims?limit=5", access_token(studio_app), **{"X-Request-ID": "my-id"}
    )
    row = logged()
    assert answer.headers["X-Request-ID"] == row.request_id == "my-id"
    assert (row.app, row.kind, row.method, row.status, row.error) == (studio_app, "app", "GET", 200, "")
    assert (row.route, row.path) == ("/public/v1/drops/claims", "/public/v1/drops/claims?limit=5")


def test_a_path_names_no_viewer_and_a_query_no_secret(
    client: Client, studio_app: OAuthApp, viewer: User
) -> None:
    token = access_token(studio_app)
    get(
        client,
        f"/public/v1/drops/links/{viewer.pk}?token=s3cr3t&user_id={viewer.pk}&S3CR3T=1&limit=s3%20cr",
        token,
    )
    row = logged()
    assert row.path == "/public/v1/drops/links/{user_id}?token=…&user_id=…&limit=…"
    assert row.status == 404


def test_an_id_of_the_studios_own_is_shown(client: Client, studio_app: OAuthApp) -> None:
    attached = factories.CampaignRewardFactory(campaign__organization=studio_app.organization)
    get(
        client,
        f"/public/v1/drops/campaigns/{attached.campaign_id}",
        access_token(studio_app, scope="drops:write"),
    )
    assert logged().path == f"/public/v1/drops/campaigns/{attached.campaign_id}"


@pytest.mark.parametrize(
    ("address", "status", "error"),
    [
        ("/public/v1/drops/claims?limit=no", 400, "invalid"),
        ("/api/v1/drops/progress", 403, "permission_denied"),
        ("/public/v1/drops/deliveries/01KAF5V0000000000000000000", 404, "not_found"),
    ],
)
def test_a_refusal_has_its_word(
    client: Client, studio_app: OAuthApp, address: str, status: int, error: str
) -> None:
    get(client, address, access_token(studio_app))
    row = logged()
    assert (row.status, row.error) == (status, error)


def test_an_expired_token_is_its_apps(client: Client, studio_app: OAuthApp, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    token = access_token(studio_app)
    time_machine.shift(7200)
    assert get(client, "/public/v1/drops/claims", token).status_code == 401
    row = logged()
    assert (row.app, row.status, row.error) == (studio_app, 401, "authentication_failed")


def test_a_token_of_nobody_and_a_visitor_are_not_logged(client: Client, studio_app: OAuthApp) -> None:
    get(client, "/public/v1/drops/claims", "unknown")
    client.get("/public/v1/public-key")
    client.get("/public/v1/drops/claims")
    api_calls.flush()
    assert not ApiCall.objects.exists()


def test_a_viewers_token_is_told_from_the_apps_own(
    client: Client, studio_app: OAuthApp, viewer: User
) -> None:
    client.force_login(viewer)
    token = connect(client, studio_app)["access_token"]
    get(Client(), "/public/v1/users", token)
    api_calls.flush()
    assert list(ApiCall.objects.values_list("kind", "path")) == [
        ("viewer", "/public/v1/users"),
        ("token", "/oauth/token"),
    ]


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        ({}, 200, ""),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_token_requests_are_logged_with_oauths_own_words(
    studio_app: OAuthApp, sent: dict[str, str], status: int, error: str
) -> None:
    answer = token_request(studio_app, **{"grant_type": "client_credentials", **sent})
    assert answer.status_code == status
    row = logged()
    assert (row.app, row.kind, row.path, row.status, row.error) == (
        studio_app,
        "token",
        "/oauth/token",
        status,
        error,
    )


@pytest.mark.parametrize("client_id", ["nobody", "x\x00y", "\ud800", "é" * 300, ""])
def test_a_client_id_that_can_be_none_is_no_apps(client: Client, client_id: str) -> None:
    client.post(
        "/oauth/token",
        {"grant_type": "client_credentials", "client_secret": "x"}
        | ({"client_id": client_id.encode("utf-8", "replace").decode()} if client_id else {}),
    )
    api_calls.flush()
    assert not ApiCall.objects.exists()


def test_a_call_that_breaks_is_logged_as_broken(
    client: Client, studio_app: OAuthApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fulfillment.api import claims

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("s3cr3t")

    monkeypatch.setattr(claims.ClaimsView, "get", broken)
    client.raise_request_exception = False
    assert get(client, "/public/v1/drops/claims", access_token(studio_app)).status_code == 500
    row = logged()
    assert (row.status, row.error) == (500, "error")


def test_the_page_of_an_app_tells_its_quota_and_its_last_use(
    owner_client: Client, client: Client, studio_app: OAuthApp, settings: Any, time_machine: Any
) -> None:
    settings.API_CALLS_PER_MINUTE = 1000
    time_machine.move_to(NOW, tick=False)
    page = f"/dashboard/apps/{studio_app.pk}/change/"
    assert "Never" in words(owner_client.get(page))
    token = token_request(studio_app, grant_type="client_credentials").json()["access_token"]
    for _ in range(3):
        get(Client(), "/public/v1/drops/claims", token)
    api_calls.flush()
    shown = words(owner_client.get(page))
    assert "997 of 1,000 a minute, for 60 more seconds" in shown
    assert "999 of 1,000 a minute, for 60 more seconds" in shown
    assert "20 Nov 2026, 12:00:00 UTC" in shown


def test_the_quota_is_that_of_all_processes(valkey_url: str, settings: Any) -> None:
    settings.REDIS_URL = valkey_url
    throttle.count("app", now=NOW)
    throttle._memory.begin()  # as another process
    quota = throttle.left("app", now=NOW)
    assert (quota.used, quota.left) == (1, settings.API_CALLS_PER_MINUTE - 1)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert throttle.left(limits.key_of("app"), now=NOW).used == 0
