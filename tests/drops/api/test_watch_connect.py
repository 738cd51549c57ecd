"""The viewer WebSocket's address, at the web processes."""

from __future__ import annotations

import pytest
from django.test import Client

PATH = "/viewer/v1/connect"


def test_it_leads_to_the_process_that_serves_it(db, settings):
    settings.SOCKET_URL = "ws://127.0.0.1:8001"
    answer = Client().get(f"{PATH}?token=1.2.x%0d%0a&a=%C3%A9")
    assert answer.status_code == 307
    assert answer.headers["Location"] == f"ws://127.0.0.1:8001{PATH}?token=1.2.x%0d%0a&a=%C3%A9"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("url", ["", "ws://127.0.0.1:8000"])
def test_it_never_leads_to_itself(db, settings, url):
    settings.SOCKET_URL = url
    answer = Client().get(PATH)
    assert (answer.status_code, answer.json()["data"]) == (404, None)
