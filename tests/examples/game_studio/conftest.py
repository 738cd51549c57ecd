"""The studio as a real process, and a Drops to talk to."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from scripts.ports import free_port

from .peer import CLIENT, PeerDrops, new_browser, running_peer

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "examples.game_studio"]


def eventually(holds: Callable[[], object], what: str) -> None:
    """Wait up to a minute until something holds."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


@dataclass
class Studio:
    url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(COMMAND, cwd=ROOT, env=self.environment)
        eventually(self.answers, "the studio answers")

    def answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, "the studio ended at once"
        try:
            return requests.get(self.url, timeout=5).ok
        except requests.RequestException:
            return False

    def restart(self) -> None:
        """A new process, which knows only what the database holds."""
        self.kill()
        self.start()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def deliver(self, webhook: dict) -> requests.Response:
        return requests.post(f"{self.url}/webhooks/drops", **webhook, timeout=60)

    def sign_in(self, name: str) -> requests.Session:
        """A browser with a player of that name signed in."""
        browser = new_browser()
        assert browser.post(f"{self.url}/sign-in", {"name": name}, timeout=60).ok
        return browser

    def connect(self, browser: requests.Session) -> requests.Response:
        return browser.get(f"{self.url}/connect/start", timeout=60)

    def garage(self, browser: requests.Session) -> str:
        return browser.get(self.url, timeout=60).text


@pytest.fixture(scope="module")
def running_drops() -> Iterator[PeerDrops]:
    with running_peer() as peer:
        yield peer


@pytest.fixture(scope="module")
def environment(running_drops: PeerDrops, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "STUDIO_PORT": str(free_port()),
        "STUDIO_DB": str(tmp_path_factory.mktemp("studio") / "studio.sqlite3"),
        "DROPS_URL": running_drops.url,
        "DROPS_CLIENT_ID": CLIENT[0],
        "DROPS_CLIENT_SECRET": CLIENT[1],
    }


@pytest.fixture(scope="module")
def running_studio(environment: dict[str, str]) -> Iterator[Studio]:
    studio = Studio(f"http://127.0.0.1:{environment['STUDIO_PORT']}", environment)
    try:
        studio.start()
        yield studio
    finally:
        studio.kill()


@pytest.fixture
def drops(running_drops: PeerDrops) -> PeerDrops:
    running_drops.reset()
    return running_drops


@pytest.fixture
def studio(running_studio: Studio, drops: PeerDrops) -> Studio:
    """The module's studio, emptied once it has told Drops all that the test before left to tell."""
    with closing(sqlite3.connect(running_studio.environment["STUDIO_DB"], timeout=10)) as db, db:
        unreported = "SELECT 1 FROM rewards WHERE status = 'received' AND player_id IS NOT NULL"
        eventually(lambda: not db.execute(unreported).fetchall(), "the studio has told all")
        db.execute("DELETE FROM rewards")
        db.execute("DELETE FROM players")
    drops.reset()
    return running_studio
