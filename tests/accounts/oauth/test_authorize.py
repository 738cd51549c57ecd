from datetime import timedelta
from urllib.parse import parse_qs, urlencode

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from oauth2_provider.models import Grant

from accounts.domain import links
from accounts.models import Consent, GameLink, OAuthApp, Organization, User
from tests import factories
from tests.api import CALLBACK, allow, answer_of, authorize_path, connect, exchange


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer)
    return client


def test_consent_page_says_who_asks_for_what_and_as_whom(browser: Client, studio_app: OAuthApp) -> None:
    page = browser.get(authorize_path(studio_app)).content.decode()
    for words in (
        "Connect Northlight Connect?",
        "Northlight Games",
        "viewer</strong>",
        "See your name, profile picture, email address and progress in its campaigns",
        "Switch account",
        "studio.example.com",
    ):
        assert words in page


def test_allow_sends_back_a_code_with_the_state_and_links(
    browser: Client, studio_app: OAuthApp, viewer: User, studio: Organization
) -> None:
    response = browser.post(authorize_path(studio_app), {"allow": "yes"})
    assert response.status_code == 302
    assert response.headers["Location"].startswith(f"{CALLBACK}?")
    assert answer_of(response.headers["Location"]).keys() == {"code", "state", "iss"}
    assert answer_of(response.headers["Location"])["state"] == "xyz"
    assert links.is_linked(viewer=viewer, organization=studio)


def test_deny_sends_back_the_no_and_links_nothing(
    browser: Client, studio_app: OAuthApp, viewer: User, studio: Organization
) -> None:
    response = browser.post(authorize_path(studio_app), {"allow": "no"})
    assert answer_of(response.headers["Location"]) == {
        "error": "access_denied",
        "error_description": "The viewer did not agree.",
        "state": "xyz",
        "iss": "http://127.0.0.1:8000",
    }
    assert not links.is_linked(viewer=viewer, organization=studio)


def test_consent_is_remembered_for_the_same_scopes_only(browser: Client, studio_app: OAuthApp) -> None:
    allow(browser, studio_app)
    again = browser.get(authorize_path(studio_app))
    assert again.status_code == 302
    assert "code" in answer_of(again.headers["Location"])
    assert browser.get(authorize_path(studio_app, scope="user:read channel:read")).status_code == 200


def test_consent_is_asked_again_after_unlinking(
    browser: Client, studio_app: OAuthApp, viewer: User, studio: Organization, now
) -> None:
    allow(browser, studio_app)
    links.unlink(viewer=viewer, organization=studio, now=now)
    assert browser.get(authorize_path(studio_app)).status_code == 200


def test_after_signing_in_on_the_way_the_page_is_shown_even_if_consent_is_remembered(
    studio_app: OAuthApp, viewer: User, now
) -> None:
    links.consent(viewer=viewer, app=studio_app, scopes=["user:read"], now=now)
    browser = Client()
    to_sign_in = browser.get(authorize_path(studio_app))
    path, _, query = to_sign_in.headers["Location"].partition("?")
    assert path == "/accounts/login/"
    (here,) = parse_qs(query)["next"]
    assert here.startswith("/oauth/authorize?")
    browser.force_login(viewer)
    assert browser.get(here).status_code == 200
    assert answer_of(browser.post(here, {"allow": "yes"}).headers["Location"]).keys() == {
        "code",
        "state",
        "iss",
    }
    assert browser.get(authorize_path(studio_app)).status_code == 302


def test_nothing_is_stored_for_somebody_who_is_not_signed_in(studio_app: OAuthApp) -> None:
    browser = Client()
    for _ in range(3):
        assert browser.get(authorize_path(studio_app)).status_code == 302
    assert not Session.objects.exists()
    assert settings.SESSION_COOKIE_NAME not in browser.cookies


def test_the_form_may_lead_to_the_app_and_nothing_else_is_relaxed(
    browser: Client, studio_app: OAuthApp
) -> None:
    policy = browser.get(authorize_path(studio_app)).headers["Content-Security-Policy"]
    assert policy.endswith("form-action 'self' https:")
    assert policy.startswith("default-src 'self'; ")
    elsewhere = browser.get("/").headers["Content-Security-Policy"]
    assert elsewhere.endswith("form-action 'self'")


def test_the_form_may_lead_to_a_developers_own_machine(browser: Client, studio: Organization) -> None:
    app = factories.OAuthAppFactory(organization=studio, redirect_uris="http://127.0.0.1:9/cb")
    response = browser.get(authorize_path(app, redirect_uri="http://127.0.0.1:9/cb"))
    assert "http://127.0.0.1:*" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "redirect_uri",
    [
        f"{CALLBACK}/",
        f"{CALLBACK}?x=1",
        f"{CALLBACK}#x",
        "https://STUDIO.example.com/callback",
        "https://studio.example.com:443/callback",
        "https://studio.example.com.evil.example/callback",
        "https://evil@studio.example.com/callback",
        "https://studio.example.com/callback/../elsewhere",
        "https://studio.example.com/callback%2f..%2felsewhere",
        "https://studio.example.com\\@evil.example/callback",
        "javascript:alert(1)",
        "//studio.example.com/callback",
        "x",
    ],
)
def test_another_redirect_uri_is_never_followed(
    browser: Client, studio_app: OAuthApp, redirect_uri: str
) -> None:
    for response in (
        browser.get(authorize_path(studio_app, redirect_uri=redirect_uri)),
        browser.post(authorize_path(studio_app, redirect_uri=redirect_uri), {"allow": "yes"}),
    ):
        assert response.status_code == 400
        assert "Location" not in response.headers
        assert b"This connection cannot be made" in response.content


def test_a_redirect_uri_that_is_missing_or_there_twice_is_never_followed(
    browser: Client, studio_app: OAuthApp
) -> None:
    path, given = authorize_path(studio_app), urlencode({"redirect_uri": CALLBACK})
    assert given in path
    elsewhere = urlencode({"redirect_uri": "https://evil.example/"})
    for query in ("", f"{given}&{elsewhere}", f"{elsewhere}&{given}", f"{given}&{given}"):
        response = browser.post(path.replace(given, query), {"allow": "yes"})
        assert response.status_code == 400, query
        assert "Location" not in response.headers


def test_a_loopback_redirect_uri_keeps_its_port(browser: Client, studio: Organization) -> None:
    app = factories.OAuthAppFactory(organization=studio, redirect_uris="http://127.0.0.1:9000/cb")
    assert browser.get(authorize_path(app, redirect_uri="http://127.0.0.1:9001/cb")).status_code == 400
    assert browser.get(authorize_path(app, redirect_uri="http://127.0.0.1:9000/cb")).status_code == 200


def test_an_unknown_app_is_refused_on_the_spot(browser: Client, studio_app: OAuthApp) -> None:
    for client_id in ("nobody", "\x00", "x" * 5000):
        response = browser.get(authorize_path(studio_app, client_id=client_id))
        assert response.status_code == 400


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "x" * 42 + "\x00"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unauthorized_client"),
        ({"response_type": "nonsense"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
    ],
)
def test_the_app_is_told_what_is_wrong(
    browser: Client, studio_app: OAuthApp, parameters: dict[str, str], error: str
) -> None:
    response = browser.get(authorize_path(studio_app, **parameters))
    assert response.status_code == 302, response.content
    assert response.headers["Location"].startswith(CALLBACK)
    told = answer_of(response.headers["Location"])
    assert told.pop("error_description")
    assert told == {"error": error, "state": "xyz", "iss": "http://127.0.0.1:8000"}


def test_parameters_that_the_contract_does_not_name_are_ignored(
    browser: Client, studio_app: OAuthApp
) -> None:
    extra = {
        "prompt": "consent create none login",
        "approval_prompt": "force",
        "access_type": "offline",
        "resource": "not a uri",
        "nonce": "n" * 1000,
        "claims": "[",
        "ui_locales": "de",
        "redirect": "http://localhost",
    }
    assert browser.get(authorize_path(studio_app, **extra)).status_code == 200
    assert "access_token" in connect(browser, studio_app, **extra)


KNOWN_SCOPES = (
    "user:read channel:read channel:write channel:rewards:read channel:rewards:write chat:write "
    "streamkey:read events:subscribe moderation:ban moderation:chat_message:manage kicks:read"
)


def test_all_known_scopes_may_be_asked_for_at_once(browser: Client, studio_app: OAuthApp) -> None:
    assert connect(browser, studio_app, scope=KNOWN_SCOPES)["scope"] == KNOWN_SCOPES


def test_unknown_scopes_and_those_of_apps_are_left_out(browser: Client, studio_app: OAuthApp) -> None:
    granted = connect(browser, studio_app, scope="user:read drops:write platform own:invention")
    assert granted["scope"] == "user:read"


def test_where_every_scope_is_unknown_none_is_granted(browser: Client, studio_app: OAuthApp) -> None:
    tokens = connect(browser, studio_app, scope="own:invention drops:write")
    assert tokens["scope"] == ""
    me = Client(headers={"authorization": f"Bearer {tokens['access_token']}"}).get("/public/v1/users")
    assert [person["email"] for person in me.json()["data"]] == [""]


def test_without_scope_the_viewer_agrees_to_being_known(browser: Client, studio_app: OAuthApp) -> None:
    assert connect(browser, studio_app, scope="")["scope"] == "user:read"


def test_codes_are_not_in_the_database(browser: Client, studio_app: OAuthApp) -> None:
    code = allow(browser, studio_app)
    assert not Grant.objects.filter(code__contains=code[:12]).exists()


def test_a_code_dies_within_minutes(browser: Client, studio_app: OAuthApp) -> None:
    with time_machine.travel(factories.NOW, tick=False) as clock:
        browser.force_login(User.objects.get(username="viewer"))
        code = allow(browser, studio_app)
        clock.shift(timedelta(seconds=61))
        response = exchange(studio_app, code)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("state", ["suspended", "unapproved", "deleted"])
def test_apps_of_organizations_that_are_not_active_are_refused(
    browser: Client, studio_app: OAuthApp, studio: Organization, state: str, now
) -> None:
    if state == "deleted":
        OAuthApp.objects.update(deleted_at=now)
    else:
        Organization.objects.update(
            **({"suspended_at": now} if state == "suspended" else {"approved_at": None})
        )
    assert browser.get(authorize_path(studio_app)).status_code == 400


def test_the_platforms_own_app_is_consented_to_and_links_nobody(browser: Client, viewer: User) -> None:
    app = factories.OAuthAppFactory(organization=None, is_platform=True, name="The platform")
    assert b"An app of the streaming platform itself" in browser.get(authorize_path(app)).content
    assert connect(browser, app)["scope"] == "user:read"
    assert Consent.objects.get(viewer=viewer).app == app
    assert not GameLink.objects.exists()
