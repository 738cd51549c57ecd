"""What the token endpoint says to those whom it refuses: RFC 6749, section 5.2."""

import base64
import json
import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import OAuthApp, Organization, User
from accounts.oauth.views import FORM
from tests.api import allow, exchange, token_request

pytestmark = pytest.mark.django_db

GRANT = {"grant_type": "client_credentials"}
# Of RFC 6749, section 5.2: ASCII without quotes and backslashes.
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def told(response: Any) -> str:
    """The description of a refusal, whose form is checked."""
    body = response.json()
    assert body.keys() == {"error", "error_description"}
    assert DESCRIPTION.fullmatch(body["error_description"])
    assert response.headers["Cache-Control"] == "no-store"
    return str(body["error_description"])


@pytest.mark.parametrize("scheme", ["Basic", "bAsIc"])
def test_who_came_by_basic_is_challenged_by_basic(studio_app: OAuthApp, scheme: str) -> None:
    header = basic(studio_app.client_id, "wrong")["authorization"].replace("Basic", scheme)
    response = Client().post("/oauth/token", GRANT, headers={"authorization": header})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="Drops", charset="UTF-8"'


@pytest.mark.parametrize("stray", [{}, {"authorization": "Bearer stray"}])
def test_who_came_by_the_body_is_not_challenged(studio_app: OAuthApp, stray: dict[str, str]) -> None:
    credentials = {"client_id": studio_app.client_id, "client_secret": "wrong"}
    response = Client().post("/oauth/token", GRANT | credentials, headers=stray)
    assert response.status_code == 401
    assert "WWW-Authenticate" not in response.headers


def test_an_unknown_client_and_a_wrong_secret_sound_the_same(studio_app: OAuthApp) -> None:
    answers = [
        Client().post("/oauth/token", GRANT, headers=basic(client_id, "wrong"))
        for client_id in (studio_app.client_id, "nobody", "\x00")
    ]
    assert {told(answer) for answer in answers} == {"The client is unknown, or its secret is wrong."}


@pytest.mark.parametrize(
    ("state", "words"),
    [("unapproved", "waits for approval"), ("suspended", "is suspended"), ("deleted", "was deleted")],
)
def test_the_holder_of_the_right_secret_alone_hears_why_the_app_is_not_served(
    studio_app: OAuthApp, state: str, words: str, now: datetime
) -> None:
    if state == "deleted":
        OAuthApp.objects.update(deleted_at=now)
    else:
        Organization.objects.update(
            **({"suspended_at": now} if state == "suspended" else {"approved_at": None})
        )
    right = token_request(studio_app, **GRANT)
    wrong = token_request(studio_app, **GRANT, client_secret="wrong")
    assert (right.status_code, right.json()["error"]) == (401, "invalid_client")
    assert words in told(right)
    assert told(wrong) == "The client is unknown, or its secret is wrong."


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ({}, "unsupported_grant_type", "grant_type must be authorization_code"),
        ({"grant_type": "password"}, "unsupported_grant_type", "or client_credentials"),
        ({"grant_type": "authorization_code"}, "invalid_request", "Missing code"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_grant", "older than a minute"),
        ({"grant_type": "refresh_token"}, "invalid_request", "Missing refresh token"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant", "used before"),
        (GRANT | {"client_secret": ""}, "invalid_client", "are needed"),
    ],
)
def test_every_refusal_says_what_was_wrong(
    studio_app: OAuthApp, body: dict[str, str], error: str, words: str
) -> None:
    response = token_request(studio_app, **body)
    assert response.json()["error"] == error
    assert words in told(response)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"code_verifier": "x" * 43}, "code_verifier does not match"),
        ({"redirect_uri": "https://studio.example.com/other"}, "redirect_uri is not the one"),
    ],
)
def test_what_does_not_belong_to_the_code_is_named(
    viewer: User, studio_app: OAuthApp, wrong: dict[str, str], words: str
) -> None:
    browser = Client()
    browser.force_login(viewer)
    response = exchange(studio_app, allow(browser, studio_app), **wrong)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert words in told(response)


def test_two_client_ids_are_refused(studio_app: OAuthApp, rival_app: OAuthApp) -> None:
    response = Client().post(
        "/oauth/token",
        GRANT | {"client_id": rival_app.client_id},
        headers=basic(studio_app.client_id, "secret"),
    )
    assert response.status_code == 401
    assert "is not that of the Authorization header" in told(response)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/xml"])
def test_a_body_of_another_type_is_told_the_right_one(studio_app: OAuthApp, content_type: str) -> None:
    credentials = {"client_id": studio_app.client_id, "client_secret": "secret"}
    response = Client().post("/oauth/token", json.dumps(GRANT | credentials), content_type=content_type)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert told(response) == f"The Content-Type must be {FORM}."


@pytest.mark.parametrize(
    "content_type", [f"{FORM}; charset=latin-1", "multipart/form-data", "multipart/form-data; boundary=é"]
)
def test_a_form_that_cannot_be_read_is_told_so(studio_app: OAuthApp, content_type: str) -> None:
    response = Client().post("/oauth/token", "a=%E9", content_type=content_type)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert told(response) == f"The body must be {FORM}, in UTF-8."


def test_credentials_in_the_address_are_told_their_place(studio_app: OAuthApp) -> None:
    response = Client().post("/oauth/token?client_id=x", GRANT, headers=basic("x", "y"))
    assert response.status_code == 401
    assert "belong in the body" in told(response)
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
