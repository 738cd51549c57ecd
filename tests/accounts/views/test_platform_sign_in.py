"""Sign-in with the platform's own accounts, against a real OpenID Connect provider on loopback."""

from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.domain.platform_users import PlatformUser, upsert_users
from accounts.models import User
from tests import factories
from tests.accounts.openid_provider import CLIENT_ID, Provider, running_provider

START = "/accounts/oidc/platform/login/"


@pytest.fixture
def provider(settings):
    with running_provider() as url:
        settings.OIDC_SERVER_URL = url
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {
                "OAUTH_PKCE_ENABLED": True,
                "APPS": [
                    {
                        "provider_id": "platform",
                        "name": "Streamhub",
                        "client_id": CLIENT_ID,
                        "secret": "secret",
                        "settings": {"server_url": url},
                    }
                ],
            }
        }
        yield url


def sign_in(client):
    """There and back, as the browser goes. Returns what the provider was asked."""
    query = parse_qs(urlsplit(client.post(START).url).query)
    client.get(
        reverse("openid_connect_callback", args=["platform"]), {"code": "any", "state": query["state"][0]}
    )
    return query


def signed_in_as(client):
    return client.session.get("_auth_user_id")


@pytest.mark.django_db
def test_a_person_of_the_platform_signs_in_and_gets_an_account(client, provider):
    assert b"Streamhub" in client.get(reverse("account_login")).content

    query = sign_in(client)

    assert query["code_challenge_method"] == ["S256"]
    user = User.objects.get()
    assert signed_in_as(client) == str(user.pk)
    assert user.email == "ada@example.com"
    assert EmailAddress.objects.get(user=user).verified
    user.full_clean(exclude=["password"])


@pytest.mark.django_db
def test_an_answer_to_a_sign_in_that_nobody_started_is_refused(client, provider):
    client.get(reverse("openid_connect_callback", args=["platform"]), {"code": "any", "state": "made-up"})

    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("process", ["login", "connect"])
def test_the_form_may_lead_to_the_provider_and_nothing_else_is_relaxed(client, provider, process):
    policy = client.get(START, {"process": process}).headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'self'; ")
    assert policy.endswith(f"form-action 'self' https: {provider}")
    assert (
        client.get(reverse("account_login")).headers["Content-Security-Policy"].endswith("form-action 'self'")
    )


@pytest.mark.django_db
def test_a_provider_with_tls_needs_nothing_without(client, provider, settings):
    settings.OIDC_SERVER_URL = "https://id.example.com"

    assert client.get(START).headers["Content-Security-Policy"].endswith("form-action 'self' https:")


@pytest.mark.django_db
def test_a_provider_that_nobody_set_up_is_not_found(client):
    assert client.get(START).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["", "ada@example.com", "another@example.com"])
def test_a_person_that_the_platform_told_of_before_signs_in(client, provider, now, email):
    ada = PlatformUser(platform_id="42", username="ada", email=email)
    ids = upsert_users(
        users=[ada], now=now, actor=factories.OAuthAppFactory(organization=None, is_platform=True)
    )

    sign_in(client)

    assert signed_in_as(client) == str(ids["42"])
    assert User.objects.get().email == email


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        {},
        {"email": "ada@example.com"},
        {"email": "ada@example.com", "email_verified": False},
        {"email": "ada@example.com", "email_verified": "false"},
    ],
)
def test_an_address_that_the_platform_has_not_confirmed_is_left_out(client, provider, monkeypatch, address):
    monkeypatch.setattr(Provider, "claims", {"sub": "42", "preferred_username": "ada", **address})
    owner_of_the_address = factories.UserFactory(username="owner", email="ada@example.com")

    sign_in(client)

    newcomer = User.objects.exclude(pk=owner_of_the_address.pk).get()
    assert signed_in_as(client) == str(newcomer.pk)
    assert newcomer.email == ""
    assert not EmailAddress.objects.exists()
    assert mail.outbox == []


@pytest.mark.django_db
def test_an_address_that_the_platform_has_not_confirmed_stays_free_for_its_owner(
    client, provider, monkeypatch
):
    unconfirmed = {"sub": "42", "email": "ada@example.com", "email_verified": False}
    monkeypatch.setattr(Provider, "claims", unconfirmed)
    sign_in(client)

    fields = {"email": "ada@example.com", "username": "the_real_ada", "password1": "nine-lanterns-lit"}
    Client().post(reverse("account_signup"), fields)

    assert User.objects.get(username="the_real_ada").email == "ada@example.com"


@pytest.mark.django_db
def test_a_confirmed_address_does_not_open_the_account_that_has_it_here(client, provider):
    factories.UserFactory(username="local", email="ada@example.com")

    sign_in(client)

    assert signed_in_as(client) is None
    assert User.objects.get().username == "local"
    assert mail.outbox[0].to == ["ada@example.com"]
