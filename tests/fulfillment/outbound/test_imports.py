"""Nobody but fulfillment/outbound speaks HTTP: the linter refuses the import of whatever could."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings


def ruff_finds(code: str, file: str) -> str:
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", file, "-"]
    return subprocess.run(
        command, input=code, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.parametrize(
    "code",
    [
        "import requests",
        "from requests.adapters import HTTPAdapter",
        "import urllib3",
        "import httpx",
        "import aiohttp",
        "import http.client",
        "from http import client",
        "import urllib.request",
        "from urllib.request import urlopen",
        "import socket",
        "def later():\n    import requests",
    ],
)
@pytest.mark.parametrize("file", ["fulfillment/domain/x.py", "accounts/oauth/x.py", "config/x.py"])
def test_an_http_client_is_refused_elsewhere(code, file):
    assert "TID251" in ruff_finds(code + "\n", file)


@pytest.mark.parametrize("code", ["import requests", "import http.client", "import socket"])
@pytest.mark.parametrize("file", ["fulfillment/outbound/x.py", "tests/x.py", "bench/x.py", "scripts/x.py"])
def test_outbound_and_programs_of_ours_may(code, file):
    assert "TID251" not in ruff_finds(code + "\n", file)


def test_what_opens_no_connection_is_allowed():
    assert "TID251" not in ruff_finds(
        "from http import HTTPStatus\nfrom urllib.parse import urlsplit\n", "drops/x.py"
    )
