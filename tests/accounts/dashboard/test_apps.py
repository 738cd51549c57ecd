from __future__ import annotations

import re

from django.test import Client

from accounts.models import OAuthApp, Organization
from tests import factories
from tests.dashboard import press, send_form


def secret_on(page: object) -> str:
    return re.findall(r'id="client-secret">([^<]+)<', page.content.decode())[0]  # type: ignore[attr-defined]


def test_the_secret_is_shown_once(owner_client: Client, studio: Organization) -> None:
    page = send_form(
        owner_client,
        "/dashboard/apps/add/",
        name="Game server",
        redirect_uris="https://studio.example.com/a\nhttps://studio.example.com/b",
    )
    secret = secret_on(page)
    app = studio.oauth_apps.get()
    assert app.redirect_uris.split() == ["https://studio.example.com/a", "https://studio.example.com/b"]
    assert secret not in app.client_secret
    assert "no-store" in page.headers["Cache-Control"]
    for url in (
        "/dashboard/",
        "/dashboard/apps/",
        f"/dashboard/apps/{app.pk}/change/",
        "/dashboard/audit-log/",
    ):
        assert secret not in owner_client.get(url).content.decode()


def test_a_new_secret_is_another(owner_client: Client, studio: Organization) -> None:
    app = factories.OAuthAppFactory(organization=studio)
    before = app.client_secret
    secret = secret_on(press(owner_client, f"/dashboard/apps/{app.pk}/rotate/"))
    app.refresh_from_db()
    assert app.client_secret != before
    assert app.previous_client_secret == before
    assert secret not in app.client_secret
    assert secret_on(press(owner_client, f"/dashboard/apps/{app.pk}/replace-secret/")) != secret


def test_addresses_that_are_wrong_are_named(owner_client: Client, studio: Organization) -> None:
    for uris in ("http://studio.example.com/a", "nonsense", "javascript:alert(1)", "https://a.example/#x"):
        page = send_form(owner_client, "/dashboard/apps/add/", name="Game server", redirect_uris=uris)
        assert page.status_code == 200
        assert page.context["errors"], uris
    assert not OAuthApp.objects.exists()


def test_a_deleted_app_is_gone_from_the_list(owner_client: Client, studio: Organization) -> None:
    app = factories.OAuthAppFactory(organization=studio, name="Old server")
    page = press(owner_client, f"/dashboard/apps/{app.pk}/delete/")
    assert list(page.context["cl"].result_list) == []
    app.refresh_from_db()
    assert app.deleted_at is not None
