from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError

from accounts.domain import apps
from accounts.models import AuditEvent, OAuthApp, Organization, User
from tests.api import token_request


def test_a_new_app_has_a_secret_that_is_never_seen_again(studio: Organization, owner: User, now) -> None:
    app, secret = apps.create_app(
        organization=studio, name="Connect", redirect_uris=["https://s.example/cb"], now=now, actor=owner
    )
    assert len(secret) == 128
    app.refresh_from_db()
    assert secret not in app.client_secret
    assert check_password(secret, app.client_secret)
    response = token_request(app, grant_type="client_credentials", client_secret=secret)
    assert response.status_code == 200
    event = AuditEvent.objects.get(action="app.created")
    assert (event.organization, event.actor) == (studio, owner)
    assert secret not in str(event.data)


def test_an_app_without_redirect_uris_is_for_the_api_alone(studio: Organization, now) -> None:
    app, secret = apps.create_app(organization=studio, name="Claims", redirect_uris=[], now=now, actor=None)
    assert token_request(app, grant_type="client_credentials", client_secret=secret).status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "http://studio.example.com/cb",
        "http://localhost.evil.example/cb",
        "http://[::1]/cb",
        "javascript:alert(1)",
        "app://callback",
        "https://studio.example.com/cb#fragment",
        "https://*.example.com/cb",
        "studio.example.com/cb",
    ],
)
def test_redirect_uris_that_no_browser_should_follow_are_refused(studio, uri: str, now) -> None:
    with pytest.raises(ValidationError) as refused:
        apps.create_app(organization=studio, name="X", redirect_uris=[uri], now=now, actor=None)
    (message,) = refused.value.message_dict["redirect_uris"]
    assert message.startswith(f"“{uri}” cannot be a redirect URI.")


@pytest.mark.parametrize(
    "uri", ["http://localhost:8080/cb", "http://127.0.0.1/cb", "https://s.example/cb?x=1"]
)
def test_redirect_uris_of_a_developers_machine_are_fine(studio: Organization, uri: str, now) -> None:
    app, _ = apps.create_app(organization=studio, name="X", redirect_uris=[uri], now=now, actor=None)
    assert app.redirect_uri_allowed(uri)


def test_an_app_needs_a_name(studio: Organization, now) -> None:
    with pytest.raises(ValidationError):
        apps.create_app(organization=studio, name=" ", redirect_uris=[], now=now, actor=None)


def test_a_leaked_secret_ends_at_once(studio_app: OAuthApp, owner: User, now) -> None:
    secret = apps.rotate_secret(app=studio_app, now=now, actor=owner, overlap=timedelta(0))
    assert token_request(studio_app, grant_type="client_credentials").status_code == 401
    assert token_request(studio_app, grant_type="client_credentials", client_secret=secret).status_code == 200


def test_changing_is_audited(studio_app: OAuthApp, owner: User, now) -> None:
    apps.change_app(app=studio_app, name="New", redirect_uris=["https://n.example/cb"], now=now, actor=owner)
    data = AuditEvent.objects.get(action="app.changed").data
    assert data["before"]["name"] == "Northlight Connect"
    assert data["after"] == {"name": "New", "redirect_uris": ["https://n.example/cb"]}


def test_who_changes_an_app_undoes_nothing_that_happened_meanwhile(
    studio_app: OAuthApp, owner: User, now
) -> None:
    opened = OAuthApp.objects.get(pk=studio_app.pk)
    secret = apps.rotate_secret(app=studio_app, now=now, actor=owner)

    apps.change_app(app=opened, name="New", redirect_uris=["https://n.example/cb"], now=now, actor=owner)

    studio_app.refresh_from_db()
    assert studio_app.name == "New"
    assert studio_app.redirect_uris == "https://n.example/cb"
    assert check_password(secret, studio_app.client_secret)


@pytest.mark.parametrize(
    "verb",
    [
        partial(apps.change_app, name="New", redirect_uris=[]),
        apps.rotate_secret,
        apps.delete_app,
    ],
)
def test_a_deleted_app_stays_as_it_is(studio_app: OAuthApp, owner: User, now, verb) -> None:
    opened = OAuthApp.objects.get(pk=studio_app.pk)
    apps.delete_app(app=studio_app, now=now, actor=owner)
    deleted = OAuthApp.objects.filter(pk=studio_app.pk).values().get()

    with pytest.raises(ValidationError, match="was deleted"):
        verb(app=opened, now=now + timedelta(hours=1), actor=owner)

    assert OAuthApp.objects.filter(pk=studio_app.pk).values().get() == deleted
    assert AuditEvent.objects.filter(action__startswith="app.").count() == 1
