"""Absolute addresses come from SITE_URL alone."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.models import User
from config.middleware.site_address import absolute

ELSEWHERE = {"host": "127.0.0.1:6666"}


@pytest.fixture
def site(settings: Settings) -> str:
    settings.SITE_URL = "https://drops.example.com"
    settings.ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "drops.example.com"]
    return "https://drops.example.com"


def addresses_in_mail() -> list[str]:
    return re.findall(r"https?://[^/\s]+", str(mail.outbox[-1].body))


def test_the_link_of_a_new_password_leads_to_the_site(client: Client, viewer: User, site: str) -> None:
    viewer.email = "viewer@example.com"
    viewer.set_password("drops-demo-password")
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)

    client.post("/accounts/password/reset/", {"email": viewer.email}, headers=ELSEWHERE)

    assert addresses_in_mail()
    assert set(addresses_in_mail()) == {site}


def test_the_link_that_confirms_an_address_leads_to_the_site(client: Client, db: None, site: str) -> None:
    form = {"email": "new@example.com", "username": "newcomer", "password1": "eight-lanterns-lit"}

    client.post("/accounts/signup/", form, headers=ELSEWHERE)

    assert addresses_in_mail()
    assert set(addresses_in_mail()) == {site}


@pytest.mark.parametrize(
    ("location", "found"),
    [
        (None, "https://drops.example.com/campaigns/?q=a"),
        ("/inventory/", "https://drops.example.com/inventory/"),
        ("?page=2", "https://drops.example.com/campaigns/?page=2"),
        ("https://studio.example.com/x", "https://studio.example.com/x"),
    ],
)
def test_an_address_is_made_as_django_makes_it(site: str, location: str | None, found: str) -> None:
    request = RequestFactory().get("/campaigns/?q=a", headers=ELSEWHERE)

    assert absolute(request, location) == found
