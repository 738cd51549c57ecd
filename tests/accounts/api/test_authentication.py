"""The session of the site counts for what comes from its own pages."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts.api.authentication import SessionAuthentication
from accounts.models import User


def post(viewer: User, **headers: str) -> Request:
    request = RequestFactory().post("/", headers=headers)
    request.user = viewer
    return Request(request)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://testserver"},
        {"origin": "http://testserver", "sec-fetch-site": "same-origin"},
        {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000"},
        {"host": "testserver", "x-forwarded-proto": "https", "origin": "https://testserver"},
    ],
)
def test_a_page_of_the_site_may_act(viewer: User, settings: Settings, headers: dict[str, str]) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert SessionAuthentication().authenticate(post(viewer, **headers)) == (viewer, None)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://["},
        {"origin": "http://testserver:8000"},
        {"origin": "https://testserver"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
    ],
)
def test_any_other_may_not(viewer: User, headers: dict[str, str]) -> None:
    with pytest.raises(PermissionDenied):
        SessionAuthentication().authenticate(post(viewer, **headers))
