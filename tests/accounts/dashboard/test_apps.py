from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.dashboard import apps as apps_page
from accounts.dashboard.kit import objects
from accounts.dashboard.kit.access import FORM_FIELD
from accounts.models import OAuthApp, Organization, OrganizationChange
from tests import factories
from tests.dashboard import press, send_form, words


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
        assert f"“{uris}” cannot be a redirect URI." in words(page)
    assert not OAuthApp.objects.exists()


def test_an_app_can_do_without_redirect_uris_again(owner_client: Client, studio_app: OAuthApp) -> None:
    send_form(owner_client, f"/dashboard/apps/{studio_app.pk}/change/", redirect_uris="")
    studio_app.refresh_from_db()
    assert studio_app.redirect_uris == ""
    assert studio_app.authorization_grant_type == OAuthApp.GRANT_CLIENT_CREDENTIALS


def test_a_deleted_app_is_gone_from_the_list(owner_client: Client, studio: Organization) -> None:
    app = factories.OAuthAppFactory(organization=studio, name="Old server")
    page = press(owner_client, f"/dashboard/apps/{app.pk}/delete/")
    assert list(page.context["cl"].result_list) == []
    app.refresh_from_db()
    assert app.deleted_at is not None


def test_deleting_an_app_says_whom_it_disconnects_and_asks_for_the_name_where_they_are_many(
    owner_client: Client, studio: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = factories.OAuthAppFactory(organization=studio, name="Companion")
    for _ in range(2):
        factories.GameLinkFactory(organization=studio, app=app)
    factories.GameLinkFactory(organization=studio, app=app, unlinked_at=factories.NOW)
    delete = f"/dashboard/apps/{app.pk}/delete/"
    page = words(owner_client.get(delete))
    assert "2 viewers are connected through this app." in page
    assert "This is your last app" in page
    assert "typed_name" not in page

    for module in (apps_page, objects):
        monkeypatch.setattr(module, "MANY", 2)
    data = {FORM_FIELD: studio.pk, "post": "yes"}
    assert "Type the name exactly" in words(owner_client.post(delete, data, follow=True))
    assert OAuthApp.objects.get(pk=app.pk).deleted_at is None

    owner_client.post(delete, data | {"typed_name": "Companion"})
    assert OAuthApp.objects.get(pk=app.pk).deleted_at is not None


def test_a_new_logo_waits_for_approval_and_is_withdrawn(
    owner_client: Client, studio: Organization, studio_app: OAuthApp, picture: Any
) -> None:
    url = f"/dashboard/apps/{studio_app.pk}/change/"
    withdraw = f"/dashboard/apps/{studio_app.pk}/withdraw-logo/"
    assert withdraw not in words(owner_client.get(url))
    page = words(send_form(owner_client, url, name="Companion", new_logo=picture))
    change = OrganizationChange.objects.get()
    assert "The new logo waits for approval." in page
    assert change.logo.url in page
    assert withdraw in page
    assert change.logo.url not in words(owner_client.get("/dashboard/settings/"))
    studio_app.refresh_from_db()
    assert (studio_app.name, studio_app.logo.name) == ("Companion", "")

    page = words(press(owner_client, withdraw))
    assert "The new logo was withdrawn." in page
    assert change.logo.url not in page
    assert "no longer waits" in words(press(owner_client, withdraw))
    change.refresh_from_db()
    assert change.state == "withdrawn"


def test_a_logo_that_is_too_small_is_refused_at_its_field(owner_client: Client, studio_app: OAuthApp) -> None:
    file = BytesIO()
    Image.new("RGB", (800, 200), "teal").save(file, "PNG")
    flat = SimpleUploadedFile("logo.png", file.getvalue(), "image/png")
    page = send_form(owner_client, f"/dashboard/apps/{studio_app.pk}/change/", name="", new_logo=flat)
    assert page.context["adminform"].form.errors.keys() == {"name", "new_logo"}
