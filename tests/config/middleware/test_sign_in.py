"""An ended session sends the whole page to the sign-in, not the sign-in page into a row."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/inventory/?page=2"}


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_part_of_a_page_is_not_replaced_by_the_sign_in(client: Client, db: None, method: str) -> None:
    response = getattr(client, method)("/inventory/", headers=HTMX)

    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["HX-Redirect"] == "/accounts/login/?next=%2Finventory%2F%3Fpage%3D2"
    assert "Location" not in response.headers


def test_a_page_of_another_site_is_not_returned_to(client: Client, db: None) -> None:
    response = client.get("/inventory/", headers=HTMX | {"HX-Current-URL": "https://evil.example/inventory/"})
    assert response.headers["HX-Redirect"] == "/accounts/login/?next=%2F"


def test_other_requests_and_other_redirects_stay_as_they_are(client: Client, viewer: User) -> None:
    assert client.get("/inventory/").headers["Location"].startswith("/accounts/login/")
    client.force_login(viewer)
    assert "HX-Redirect" not in client.get("/inventory/", headers=HTMX).headers
