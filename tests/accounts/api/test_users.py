import pytest
from django.test import Client

from accounts.models import OAuthApp, User
from tests import factories
from tests.api import bearer

USERS = "/public/v1/users"


def test_a_token_without_ids_tells_of_its_own_user(studio_app: OAuthApp, viewer: User) -> None:
    response = bearer(studio_app, user=viewer, scope="user:read").get(USERS)
    assert response.json() == {
        "data": [
            {"user_id": viewer.pk, "name": "viewer", "email": "viewer@example.com", "profile_picture": ""}
        ],
        "message": "OK",
    }


def test_the_address_is_for_the_own_user_with_the_scope_alone(
    studio_app: OAuthApp, viewer: User, stranger: User
) -> None:
    ids = f"?id={viewer.pk}&id={stranger.pk}"
    with_scope = bearer(studio_app, user=viewer, scope="user:read").get(USERS + ids).json()["data"]
    without = bearer(studio_app, user=viewer, scope="channel:read").get(USERS + ids).json()["data"]
    by_app = bearer(studio_app, scope="user:read").get(USERS + ids).json()["data"]
    assert [user["email"] for user in with_scope] == ["viewer@example.com", ""]
    assert [user["email"] for user in without] == [user["email"] for user in by_app] == ["", ""]
    assert [user["name"] for user in by_app] == ["viewer", "stranger"]


def test_a_picture_has_an_absolute_address(studio_app: OAuthApp) -> None:
    user = factories.UserFactory(profile_picture="users/x.webp")
    data = bearer(studio_app).get(USERS, {"id": user.pk}).json()["data"]
    assert data[0]["profile_picture"] == "http://127.0.0.1:8000/media/users/x.webp"


def test_unknown_and_deleted_users_are_left_out(studio_app: OAuthApp, viewer: User, now) -> None:
    gone = factories.UserFactory(deleted_at=now)
    ids = f"?id={gone.pk}&id={viewer.pk}&id={2**64 - 1}&id=0&id={viewer.pk}"
    data = bearer(studio_app).get(USERS + ids).json()["data"]
    assert [user["user_id"] for user in data] == [viewer.pk]


@pytest.mark.parametrize("query", ["?id=x", "?id=-1", "?id=1&id=18446744073709551616", "?id=%00", ""])
def test_what_is_no_id_is_told(studio_app: OAuthApp, query: str) -> None:
    response = bearer(studio_app).get(USERS + query)
    assert response.status_code == 400
    assert response.json()["message"].startswith("id: ")


def test_at_most_fifty(studio_app: OAuthApp) -> None:
    assert bearer(studio_app).get(USERS, {"id": list(range(51))}).status_code == 400


def test_a_token_is_needed(db: None) -> None:
    assert Client().get(USERS).status_code == 401


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow(studio_app: OAuthApp, django_assert_num_queries, count: int) -> None:
    ids = [user.pk for user in factories.UserFactory.create_batch(count)]
    client = bearer(studio_app)
    with django_assert_num_queries(2):
        assert len(client.get(USERS, {"id": ids}).json()["data"]) == count
