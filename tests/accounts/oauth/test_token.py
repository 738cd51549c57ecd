import base64
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from oauth2_provider.models import AccessToken

from accounts.domain import apps, links
from accounts.models import OAuthApp, Organization, User
from tests import factories
from tests.api import CALLBACK, allow, connect, exchange, token_request


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer)
    return client


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def me(token: str):
    return Client(headers={"authorization": f"Bearer {token}"}).get("/public/v1/users")


def test_a_code_becomes_tokens_with_the_documented_keys_and_no_others(
    browser: Client, studio_app: OAuthApp, viewer: User
) -> None:
    response = exchange(studio_app, allow(browser, studio_app))
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "user:read")
    assert type(body["expires_in"]) is int
    assert me(body["access_token"]).json()["data"][0]["user_id"] == viewer.pk


def test_client_credentials_become_an_app_token_without_refresh_token(studio_app: OAuthApp) -> None:
    body = token_request(studio_app, grant_type="client_credentials").json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["expires_in"], body["scope"]) == (3600, "")


def test_tokens_are_stored_as_checksums(browser: Client, studio_app: OAuthApp) -> None:
    body = connect(browser, studio_app)
    with connection.cursor() as cursor:
        for table in ("accesstoken", "refreshtoken"):
            cursor.execute(f"SELECT * FROM oauth2_provider_{table}")  # noqa: S608
            rows = str(cursor.fetchall())
            assert body["access_token"] not in rows
            assert body["refresh_token"] not in rows
    assert studio_app.client_secret.startswith("client_secret$")


def test_credentials_by_basic_or_by_body_but_never_in_the_query(studio_app: OAuthApp) -> None:
    grant = {"grant_type": "client_credentials"}
    credentials = {"client_id": studio_app.client_id, "client_secret": "secret"}
    by_basic = Client().post("/oauth/token", grant, headers=basic(studio_app.client_id, "secret"))
    by_body = Client().post("/oauth/token", grant | credentials)
    by_query = Client().post("/oauth/token", grant, query_params=credentials)
    assert [by_basic.status_code, by_body.status_code, by_query.status_code] == [200, 200, 401]
    assert by_query.json()["error"] == "invalid_client"


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_name_of_the_scheme_has_no_case(studio_app: OAuthApp, scheme: str) -> None:
    header = basic(studio_app.client_id, "secret")["authorization"].replace("Basic", scheme)
    response = Client().post(
        "/oauth/token", {"grant_type": "client_credentials"}, headers={"authorization": header}
    )
    assert response.status_code == 200


def test_a_stray_bearer_header_beside_body_credentials_is_ignored(studio_app: OAuthApp) -> None:
    response = Client(headers={"authorization": "Bearer nonsense"}).post(
        "/oauth/token",
        {"grant_type": "client_credentials", "client_id": studio_app.client_id, "client_secret": "secret"},
    )
    assert response.status_code == 200


def test_the_content_type_may_carry_a_charset(studio_app: OAuthApp) -> None:
    response = Client().post(
        "/oauth/token",
        f"grant_type=client_credentials&client_id={studio_app.client_id}&client_secret=secret",
        content_type="application/x-www-form-urlencoded; charset=UTF-8",
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        basic("nobody", "secret"),
        basic("\x00", "secret"),
        {"authorization": "Basic"},
        {"authorization": "Basic ////"},
        {"authorization": "Basic \xe9"},
        {"authorization": "Basic " + base64.b64encode(b"\xff\xfe:x").decode()},
    ],
)
def test_wrong_clients_are_401_as_the_rfc_has_it(studio_app: OAuthApp, headers: dict[str, str]) -> None:
    response = Client().post("/oauth/token", {"grant_type": "client_credentials"}, headers=headers)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "grant",
    [
        {"grant_type": "client_credentials"},
        {"grant_type": "authorization_code", "code": "x"},
        {"grant_type": "refresh_token", "refresh_token": "x"},
    ],
)
@pytest.mark.parametrize("secret", ["", "wrong", "SECRET", None])
def test_a_wrong_or_missing_secret_is_401_for_every_grant(
    studio_app: OAuthApp, grant: dict[str, str], secret: str | None
) -> None:
    credentials = {"client_id": studio_app.client_id} | ({} if secret is None else {"client_secret": secret})
    response = Client().post("/oauth/token", grant | credentials)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, "unsupported_grant_type"),
        ({"grant_type": "nonsense"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "\x00"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "\x00"}, "invalid_grant"),
    ],
)
def test_bad_requests_are_told_as_the_rfc_has_it(
    studio_app: OAuthApp, body: dict[str, str], error: str
) -> None:
    response = token_request(studio_app, **body)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_other_methods_get_json(studio_app: OAuthApp) -> None:
    assert Client().get("/oauth/token").status_code == 405
    assert Client().get("/oauth/token").json() == {"data": None, "message": 'Method "GET" not allowed.'}
    assert Client().post("/oauth/token/", {}).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"code_verifier": "é" * 43},
        {"redirect_uri": f"{CALLBACK}/"},
        {"code": "x"},
    ],
)
def test_what_does_not_belong_to_the_code_gets_no_token(
    browser: Client, studio_app: OAuthApp, wrong: dict[str, str]
) -> None:
    response = exchange(studio_app, **({"code": allow(browser, studio_app)} | wrong))
    assert response.status_code == 400
    assert response.json()["error"] in ("invalid_grant", "invalid_request")
    assert not AccessToken.objects.exists()


def test_a_code_is_of_no_use_to_another_app(
    browser: Client, studio_app: OAuthApp, rival_app: OAuthApp
) -> None:
    code = allow(browser, studio_app)
    assert exchange(rival_app, code).json()["error"] == "invalid_grant"
    assert exchange(studio_app, code).status_code == 200


def test_a_replayed_code_ends_what_came_of_it(browser: Client, studio_app: OAuthApp) -> None:
    code = allow(browser, studio_app)
    first = exchange(studio_app, code).json()
    refreshed = token_request(
        studio_app, grant_type="refresh_token", refresh_token=first["refresh_token"]
    ).json()
    bystander = connect(browser, studio_app)
    assert exchange(studio_app, code).json()["error"] == "invalid_grant"
    for token in (first, refreshed):
        assert me(token["access_token"]).status_code == 401
    again = token_request(studio_app, grant_type="refresh_token", refresh_token=refreshed["refresh_token"])
    assert again.json()["error"] == "invalid_grant"
    assert me(bystander["access_token"]).status_code == 200


def test_refreshing_rotates(browser: Client, studio_app: OAuthApp) -> None:
    first = connect(browser, studio_app)
    response = token_request(studio_app, grant_type="refresh_token", refresh_token=first["refresh_token"])
    second = response.json()
    assert second.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert second["refresh_token"] != first["refresh_token"]
    assert me(second["access_token"]).status_code == 200
    assert me(first["access_token"]).status_code == 401


def test_a_reused_refresh_token_ends_the_family_and_not_the_link(
    browser: Client, studio_app: OAuthApp, viewer: User, studio: Organization
) -> None:
    first = connect(browser, studio_app)
    second = token_request(
        studio_app, grant_type="refresh_token", refresh_token=first["refresh_token"]
    ).json()
    reused = token_request(studio_app, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert me(second["access_token"]).status_code == 401
    dead = token_request(studio_app, grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert dead.json()["error"] == "invalid_grant"
    assert links.is_linked(viewer=viewer, organization=studio)


def test_a_refresh_token_is_of_no_use_to_another_app(
    browser: Client, studio_app: OAuthApp, rival_app: OAuthApp
) -> None:
    token = connect(browser, studio_app)["refresh_token"]
    stolen = token_request(rival_app, grant_type="refresh_token", refresh_token=token)
    assert stolen.json()["error"] == "invalid_grant"
    assert token_request(studio_app, grant_type="refresh_token", refresh_token=token).status_code == 200


def test_refreshing_may_name_scopes_and_never_gains_any(browser: Client, studio_app: OAuthApp) -> None:
    first = connect(browser, studio_app, scope="user:read channel:read")
    second = token_request(
        studio_app,
        grant_type="refresh_token",
        refresh_token=first["refresh_token"],
        scope="channel:read chat:write platform",
    ).json()
    assert second["scope"] == "channel:read"


def test_refreshing_for_unknown_scopes_grants_none(browser: Client, studio_app: OAuthApp) -> None:
    token = connect(browser, studio_app, scope="user:read channel:read")["refresh_token"]
    refreshed = token_request(studio_app, grant_type="refresh_token", refresh_token=token, scope="own:thing")
    assert (refreshed.status_code, refreshed.json()["scope"]) == (200, "")


def test_a_scope_may_come_with_the_code(browser: Client, studio_app: OAuthApp) -> None:
    response = exchange(studio_app, allow(browser, studio_app), scope="user:read chat:write")
    assert (response.status_code, response.json()["scope"]) == (200, "user:read")


@pytest.mark.parametrize(("is_platform", "granted"), [(False, "drops:write"), (True, "platform")])
def test_app_scopes_go_to_those_they_are_for(studio: Organization, is_platform: bool, granted: str) -> None:
    app = factories.OAuthAppFactory(organization=None if is_platform else studio, is_platform=is_platform)
    body = token_request(app, grant_type="client_credentials", scope="drops:write platform").json()
    assert body["scope"] == granted


def test_the_previous_secret_works_until_the_overlap_ends(studio_app: OAuthApp, owner: User) -> None:
    with time_machine.travel(factories.NOW, tick=False) as clock:
        secret = apps.rotate_secret(app=studio_app, now=factories.NOW, actor=owner)

        def status(secret: str) -> int:
            return token_request(
                studio_app, grant_type="client_credentials", client_secret=secret
            ).status_code

        assert (status(secret), status("secret")) == (200, 200)
        clock.shift(timedelta(hours=24))
        assert (status(secret), status("secret")) == (200, 401)


@pytest.mark.parametrize("state", ["suspended", "unapproved", "deleted"])
def test_apps_of_organizations_that_are_not_active_get_no_tokens_and_theirs_are_dead(
    browser: Client, studio_app: OAuthApp, studio: Organization, state: str, now
) -> None:
    tokens = connect(browser, studio_app)
    if state == "deleted":
        OAuthApp.objects.update(deleted_at=now)
    else:
        Organization.objects.update(
            **({"suspended_at": now} if state == "suspended" else {"approved_at": None})
        )
    assert me(tokens["access_token"]).status_code == 401
    for grant in (
        {"grant_type": "client_credentials"},
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
    ):
        assert token_request(studio_app, **grant).status_code == 401


@pytest.mark.parametrize("gone", [{"is_active": False}, {"deleted_at": factories.NOW}])
def test_nobody_speaks_for_a_person_who_is_gone(
    browser: Client, studio_app: OAuthApp, viewer: User, gone: dict[str, object]
) -> None:
    tokens = connect(browser, studio_app)
    code = allow(browser, studio_app)
    User.objects.filter(pk=viewer.pk).update(**gone)
    assert me(tokens["access_token"]).status_code == 401
    refreshed = token_request(studio_app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"
    assert exchange(studio_app, code).json()["error"] == "invalid_grant"


def test_access_tokens_end_after_an_hour(browser: Client, studio_app: OAuthApp, viewer: User) -> None:
    with time_machine.travel(factories.NOW, tick=False) as clock:
        browser.force_login(viewer)
        token = connect(browser, studio_app)["access_token"]
        clock.shift(timedelta(seconds=3599))
        assert me(token).status_code == 200
        clock.shift(timedelta(seconds=1))
        assert me(token).status_code == 401
