"""The receivers of docs/webhooks.md work: each whose language is installed here runs, as it stands on the page."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.domain import encryption
from accounts.models import new_ulid
from fulfillment.domain.delivery import signing
from fulfillment.models import SigningKey
from fulfillment.outbound import client
from scripts.ports import free_port, wait_until_listening

PAGE = settings.BASE_DIR / "docs" / "webhooks.md"
# Block on the page: file, and how it is run. (C# needs a project around it.)
COMMANDS = {
    "python": ("receiver.py", [sys.executable, "receiver.py", "{port}"]),
    "javascript": ("receiver.js", ["node", "receiver.js", "{port}"]),
    "java": ("Receiver.java", ["java", "Receiver.java", "{port}"]),
    "go": ("receiver.go", ["go", "run", "receiver.go", "{port}"]),
    "php": ("receiver.php", ["php", "-S", "127.0.0.1:{port}", "receiver.php"]),
}
INSTALLED = [language for language, (_, command) in COMMANDS.items() if shutil.which(command[0])]


def new_key() -> SigningKey:
    pair = signing.generate_key_pair()
    return SigningKey(pk=1, public_key=pair.public, private_key=encryption.encrypt(pair.private))


@dataclass
class Drops:
    """What a receiver sees of Drops: its public key, and what it sends."""

    url: str
    key: SigningKey = field(default_factory=new_key)

    def post(
        self,
        url: str,
        claim_id: str,
        *,
        age: timedelta = timedelta(),
        event: str = "drops.claim.created",
        forged: bool = False,
        **changed: str,
    ) -> int | None:
        """Send an event and return the status. `changed` headers are set after signing."""
        body = json.dumps({"claim_id": claim_id, "user_id": 2**53 + 1}, separators=(",", ":")).encode()
        message_id = new_ulid()
        signature = signing.sign(
            keys=[new_key() if forged else self.key],
            message_id=message_id,
            body=body,
            attempt=1,
            now=timezone.now() - age,
        )
        headers = {
            "Kick-Event-Message-ID": message_id,
            "Kick-Event-Timestamp": signature.timestamp,
            "Kick-Event-Signature": signature.value,
            "Kick-Event-Type": event,
        }
        return client.post(url=url, headers=headers | changed, body=body, timeout=60).status


@pytest.fixture(scope="module")
def drops() -> Iterator[Drops]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps({"data": {"public_key": drops.key.public_key}, "message": "OK"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    drops = Drops(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield drops
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Running:
    url: str
    output: Path

    @property
    def granted(self) -> list[str]:
        return re.findall(r"granted (\S+)", self.output.read_text())


@contextmanager
def running(language: str, drops: Drops, folder: Path) -> Iterator[Running]:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    name, command = COMMANDS[language]
    (folder / name).write_text(code)
    port = free_port()
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [word.format(port=port) for word in command],
            cwd=folder,
            env={**os.environ, "DROPS_URL": drops.url, "TMPDIR": str(folder)},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # some start a second process
        )
    try:
        wait_until_listening(port, seconds=90)
        yield Running(f"http://127.0.0.1:{port}/webhooks", output)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module", params=INSTALLED)
def receiver(request, drops, tmp_path_factory) -> Iterator[Running]:
    with running(request.param, drops, tmp_path_factory.mktemp(request.param)) as receiver:
        yield receiver


def test_python_is_always_among_them():
    assert "python" in INSTALLED


def test_every_promised_language_is_on_the_page():
    blocks = re.findall(r"^```(\w+)$", PAGE.read_text(), re.MULTILINE)

    assert blocks == ["python", "javascript", "go", "java", "csharp", "php"]


def test_a_claim_is_granted_once(receiver, drops):
    claim_id = new_ulid()

    assert [drops.post(receiver.url, claim_id) for _ in range(3)] == [200, 200, 200]
    assert receiver.granted.count(claim_id) == 1


def test_a_test_event_is_answered_and_grants_nothing(receiver, drops):
    claim_id = new_ulid()

    assert drops.post(receiver.url, claim_id, event="drops.test") == 200
    assert claim_id not in receiver.granted


@pytest.mark.parametrize(
    "wrong",
    [
        {"forged": True},
        {"age": timedelta(minutes=20)},
        {"age": timedelta(minutes=-20)},
        {"Kick-Event-Timestamp": "2026-11-20T12:00:00Z"},
        {"Kick-Event-Timestamp": "yesterday"},
        {"Kick-Event-Message-ID": "01JD3Z8Q6W5R4T3Y2V1B0N9M8K"},
        {"Kick-Event-Signature": ""},
        {"Kick-Event-Signature": "bm90IGEgc2lnbmF0dXJl"},
        {"Kick-Event-Signature": "not base64!"},
    ],
    ids=str,
)
def test_what_is_not_ours_is_refused(receiver, drops, wrong):
    claim_id = new_ulid()

    assert drops.post(receiver.url, claim_id, **wrong) == 401
    assert claim_id not in receiver.granted


@pytest.mark.parametrize("language", INSTALLED)
def test_while_the_key_cannot_be_fetched_nothing_is_granted_and_nothing_falls_over(language, tmp_path):
    away = Drops(f"http://127.0.0.1:{free_port()}")
    with running(language, away, tmp_path) as receiver:
        claim_ids = [new_ulid(), new_ulid()]
        assert 200 not in [away.post(receiver.url, claim_id) for claim_id in claim_ids]
        wait_until_listening(urlsplit(receiver.url).port, seconds=5)
        assert receiver.granted == []
