"""The way to the platform's own sign-in: to come in with its account, or to add it to the one here."""

from __future__ import annotations

from urllib.parse import urlsplit

from allauth.socialaccount.providers.openid_connect.views import login
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.middleware.csp import policy_for_a_form_that_leads_away


def start(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Allauth's page, in front of allauth's own address: its form may lead to the provider."""
    response: HttpResponse = login(request, provider_id)
    provider = urlsplit(settings.OIDC_SERVER_URL)
    response.headers["Content-Security-Policy"] = policy_for_a_form_that_leads_away(
        *([f"http://{provider.netloc}"] if provider.scheme == "http" else [])
    )
    return response
