"""What is said of redirect URIs, as they are typed and when they are saved."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.domain import apps, redirects
from accounts.models import MemberRole, OAuthApp, Organization, User
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW

GOOD = "https://studio.example.com/callback"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://studio.example.com/a", "begins with http://"),
        ("http://localhost.example.com/a", "begins with http://"),
        ("https://studio.example.com/#x", "fragment"),
        ("https://studio.example.com/a#", "fragment"),
        ("https://*.example.com/a", "wildcard"),
        ("https://studio.example.com/*", "wildcard"),
        ("https://user:pass@studio.example.com/a", "username or a password"),
        ("https://studio.example.com@evil.example/a", "username or a password"),
        ("javascript:alert(1)", "whole address"),
        ("studio.example.com/a", "whole address"),
        ("//studio.example.com/a", "whole address"),
        ("https://", "whole address"),
        ("https://[::1", "whole address"),
        ("ftp://studio.example.com/a", "whole address"),
        ("myapp://callback", "whole address"),
    ],
)
def test_what_is_wrong_is_named_and_refused(uri: str, said: str, owner: User, studio: Organization) -> None:
    (found,) = redirects.advice([uri])
    assert found.tone == "bad"
    assert said in found.text
    with pytest.raises(ValidationError, match="cannot be a redirect URI"):
        apps.create_app(organization=studio, name="App", redirect_uris=[uri], now=NOW, actor=owner)


@pytest.mark.parametrize(
    ("uri", "said", "tone"),
    [
        (GOOD, "all right", "good"),
        ("http://localhost:8000/callback", "own machine", "wait"),
        ("https://127.0.0.1/callback", "own machine", "wait"),
        ("https://studio.example.com", "two different URIs", "wait"),
        ("https://studio.example.com/callback/", "the slash at its end", "wait"),
        ("https://studio.example.com/callback?game=1", "the same query", "wait"),
    ],
)
def test_what_is_right_is_taken_with_advice(
    uri: str, said: str, tone: str, owner: User, studio: Organization
) -> None:
    (found,) = redirects.advice([uri])
    assert (found.tone, said in found.text) == (tone, True)
    apps.create_app(organization=studio, name="App", redirect_uris=[uri], now=NOW, actor=owner)


def test_several_are_looked_at_together() -> None:
    assert not redirects.advice([])
    assert [each.text for each in redirects.advice([GOOD, GOOD])][1] == "It is there twice. Once is enough."
    many = redirects.advice([f"{GOOD}/{number}" for number in range(500)])
    assert many[0].text == "Enter at most 20 redirect URIs."
    assert len(many) <= redirects.MOST + 2


def test_the_form_asks_as_one_types(owner_client: Client, studio_app: OAuthApp) -> None:
    for page in ("/dashboard/apps/add/", f"/dashboard/apps/{studio_app.pk}/change/"):
        assert 'hx-get="/dashboard/apps/redirect-advice/"' in owner_client.get(page).content.decode()
    typed = {"redirect_uris": "https://a.example/b\nhttp://b.example/<script>"}
    said = owner_client.get("/dashboard/apps/redirect-advice/", typed).content.decode()
    assert "It is all right." in said
    assert "Use https://" in said
    assert "<script>" not in said


def test_without_script_the_saved_ones_have_their_advice(owner_client: Client, studio: Organization) -> None:
    app = factories.OAuthAppFactory(organization=studio, redirect_uris="http://localhost/callback")
    assert "own machine" in words(owner_client.get(f"/dashboard/apps/{app.pk}/change/"))


def test_who_may_not_change_apps_is_asked_nothing(client: Client, studio: Organization) -> None:
    member = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user
    assert sign_in(client, member).get("/dashboard/apps/redirect-advice/").status_code == 403
