"""Sign-in with the platform's own accounts, against a real OpenID Connect provider on loopback."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from accounts.models import User
from tests.accounts.openid_provider import CLIENT_ID, running_provider

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


@pytest.mark.django_db
def test_a_person_of_the_platform_signs_in_and_gets_an_account(client, provider):
    assert b"Streamhub" in client.get(reverse("account_login")).content

    started = client.post(reverse("openid_connect_login", args=["platform"]))
    query = parse_qs(urlsplit(started.url).query)
    assert query["code_challenge_method"] == ["S256"]
    client.get(
        reverse("openid_connect_callback", args=["platform"]), {"code": "any", "state": query["state"][0]}
    )

    user = User.objects.get()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert user.email == "ada@example.com"
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
