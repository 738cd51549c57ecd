"""The drill: a dump under load, a new server, and Drops goes on. docs/recovery.md tells people the same steps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from scripts.ports import free_port
from scripts.postgresql import running_server
from scripts.valkey import running_valkey
from tests.deploy.image import ROOT, Container
from tests.fulfillment.receiver import Received, Reply, running_receiver

VIEWERS, MORE = 90, 15
CONFIRMED_BEFORE_THE_DUMP = 20
PROCESSES = ("web", "worker", "deliveries", "clock")


class Drill:
    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.settings = settings

    def load(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.deploy.restore_load", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self.settings, "METRICS_PORT": "0"},
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )

    def told(self, *arguments: str) -> str:
        program = self.load(*arguments)
        output, _ = program.communicate(timeout=600)
        assert program.returncode == 0
        return output

    @contextmanager
    def running(self) -> Iterator[None]:
        containers = []
        try:
            for name in PROCESSES:
                ports = {"METRICS_PORT": str(free_port())}
                if name != "web":
                    ports["PORT"] = str(free_port())
                output = self.folder / f"{name}.log"
                containers.append(
                    Container(name, ["deploy/start", name], ROOT, self.settings | ports, output)
                )
            for container in containers:
                container.wait_until_healthy(ROOT)
            yield
        finally:
            for container in containers:
                container.kill()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where an account without rights may go, too."""
    with tempfile.TemporaryDirectory(prefix="drops-drill-") as name:
        Path(name).chmod(0o755)
        state = Path(name, "state")
        state.mkdir()
        state.chmod(0o777)
        yield Path(name)


@pytest.mark.processes
def test_drops_goes_on_from_a_dump_that_was_taken_under_load(folder: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(running_server())
        second = stack.enter_context(running_server())
        valkey = stack.enter_context(running_valkey())
        studio = stack.enter_context(running_receiver())
        answered: list[Received] = []
        lost: list[bool] = []

        def decide(received: Received) -> Reply:
            """Until the server is lost every third request fails, so that something waits."""
            answered.append(received)
            return Reply(500 if len(answered) % 3 == 0 and not lost else 200)

        studio.decide = decide
        port = str(free_port())
        drill = Drill(
            folder,
            {
                "ENV_FILE": "/dev/null",
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "SITE_URL": f"http://127.0.0.1:{port}",
                "SECRET_KEY": "for-the-drill",
                "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
                "DATABASE_URL": first.url,
                "REDIS_URL": valkey,
                "STATE_DIR": str(folder / "state"),
                "OUTBOUND_ALLOW_LOOPBACK": "true",
                "LOG_LEVEL": "WARNING",
                "PORT": port,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        setup = Container("setup", ["deploy/start", "setup"], ROOT, drill.settings, folder / "setup.log")
        assert setup.process.wait(timeout=600) == 0, setup.said()
        drill.told("prepare", studio.url, str(VIEWERS + MORE))

        dump = folder / "drops.dump"
        confirmed: list[str] = []
        with drill.running():
            load = drill.load("claim", "0", str(VIEWERS))
            assert load.stdout is not None
            while len(confirmed) < CONFIRMED_BEFORE_THE_DUMP:
                confirmed.append(load.stdout.readline().split()[0])
            first.run("pg_dump", "--format=custom", f"--file={dump}", first.conninfo)
            # The first server is lost while the load goes on.
            load.kill()
            load.communicate()
            lost.append(True)
        first.stop()

        second.run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={second.conninfo}", str(dump))
        drill.settings["DATABASE_URL"] = second.url
        with drill.running():
            later = drill.told("claim", str(VIEWERS), str(VIEWERS + MORE)).split()
            for _ in range(60):
                state = json.loads(drill.told("state"))
                if not state["waiting"] and {int(viewer) for viewer in later[1::2]} <= set(state["watched"]):
                    break
                time.sleep(1)
            ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=30)
        first.start()  # for `running_server`, which stops it

        claims: dict[str, int] = state["claims"]
        got: dict[int, set[str]] = defaultdict(set)
        for received in studio.received:
            body = json.loads(received.body)
            got[body["user_id"]].add(body["claim_id"])
        assert set(confirmed) <= claims.keys()
        assert set(later[::2]) <= claims.keys()
        assert state["waiting"] == 0
        assert {claim for claim, viewer in claims.items() if got[viewer] != {claim}} == set()
        assert {int(viewer) for viewer in later[1::2]} <= set(state["watched"])
        assert ready.status_code == 200, ready.text


def test_the_page_names_the_commands_of_the_drill() -> None:
    page = (ROOT / "docs/recovery.md").read_text()
    used = set(re.findall(r'\.run\(\s*"(pg_\w+)"', Path(__file__).read_text()))
    assert used == {"pg_dump", "pg_restore"}
    assert all(re.search(rf"^{program} ", page, re.MULTILINE) for program in used)
