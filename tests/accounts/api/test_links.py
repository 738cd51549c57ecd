import json

import pytest
from django.test import Client

from accounts.domain import links
from accounts.models import AuditEvent, GameLink, OAuthApp, User
from tests import factories
from tests.api import bearer

NAMED = {"game_account_id": "p-1", "display_name": "Ada"}


@pytest.fixture
def api(studio_app: OAuthApp) -> Client:
    return bearer(studio_app)


@pytest.fixture
def linked(viewer: User, studio_app: OAuthApp, now) -> GameLink:
    return links.link(viewer=viewer, app=studio_app, now=now)


def path(user: User | object) -> str:
    return f"/public/v1/drops/links/{user.pk if isinstance(user, User) else user}"


def put(client: Client, user: User | object, body: object = NAMED):
    return client.put(path(user), body, content_type="application/json")


def test_the_studio_names_the_game_account_and_reads_it(api: Client, viewer: User, linked: GameLink) -> None:
    response = put(api, viewer)
    assert response.status_code == 200
    assert response.json() == {
        "data": {
            "user_id": viewer.pk,
            "game_account_id": "p-1",
            "display_name": "Ada",
            "linked_at": "2026-11-20T12:00:00Z",
        },
        "message": "OK",
    }
    assert api.get(path(viewer)).json() == response.json()


def test_naming_again_the_same_changes_nothing(api: Client, viewer: User, linked: GameLink) -> None:
    put(api, viewer)
    put(api, viewer)
    assert AuditEvent.objects.filter(action="link.named").count() == 1
    assert put(api, viewer, NAMED | {"display_name": "Ada L."}).status_code == 200
    assert AuditEvent.objects.filter(action="link.named").count() == 2


def test_a_game_account_of_somebody_else_is_409_and_nothing_is_changed(
    api: Client, viewer: User, stranger: User, linked: GameLink, studio_app: OAuthApp, now
) -> None:
    links.link(viewer=stranger, app=studio_app, now=now)
    put(api, viewer)
    response = put(api, stranger, {"game_account_id": "p-1", "display_name": "Eve"})
    assert response.status_code == 409
    assert response.json()["data"] is None
    assert api.get(path(stranger)).json()["data"]["display_name"] == ""


def test_another_studio_may_have_the_same_account_id(
    api: Client, viewer: User, stranger: User, linked: GameLink, rival_app: OAuthApp, now
) -> None:
    links.link(viewer=stranger, app=rival_app, now=now)
    put(api, viewer)
    assert put(bearer(rival_app), stranger).status_code == 200


def test_after_unlinking_the_account_is_free(
    api: Client, viewer: User, stranger: User, linked: GameLink, studio_app: OAuthApp, studio, now
) -> None:
    put(api, viewer)
    links.unlink(viewer=viewer, organization=studio, now=now)
    links.link(viewer=stranger, app=studio_app, now=now)
    assert put(api, stranger).status_code == 200


def test_who_is_not_linked_with_this_studio_is_404(
    api: Client, viewer: User, rival_app: OAuthApp, now
) -> None:
    links.link(viewer=viewer, app=rival_app, now=now)
    for user in (viewer, 0, 2**63, 2**64 - 1):
        for response in (api.get(path(user)), put(api, user)):
            assert response.status_code == 404
            assert "is not linked with your organization" in response.json()["message"]


@pytest.mark.parametrize("user_id", ["x", "-1", "1.5", str(2**64), "%00"])
def test_what_is_no_user_id_is_told(api: Client, user_id: str) -> None:
    response = api.get(path(user_id))
    assert response.status_code == 400
    assert response.json()["message"].startswith("user_id: ")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"game_account_id": "x"},
        NAMED | {"extra": 1},
        NAMED | {"game_account_id": 7},
        NAMED | {"game_account_id": " "},
        NAMED | {"display_name": None},
        NAMED | {"game_account_id": "x" * 129},
        NAMED | {"display_name": "x" * 129},
    ],
)
def test_bad_bodies_are_told(api: Client, viewer: User, linked: GameLink, body: object) -> None:
    assert put(api, viewer, json.dumps(body)).status_code == 400
    assert api.get(path(viewer)).json()["data"]["game_account_id"] == ""


def test_only_an_organizations_app_may_call(studio_app: OAuthApp, viewer: User, linked: GameLink) -> None:
    platform = factories.OAuthAppFactory(organization=None, is_platform=True)
    statuses = [
        put(client, viewer).status_code
        for client in (Client(), bearer(studio_app, user=viewer, scope="user:read"), bearer(platform))
    ]
    assert statuses == [401, 403, 403]
