"""The real Drops: what `make run` starts, on free ports and with data of the test's own."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from scripts.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300  # seconds, for a machine that does much else


# The first half of `make run`, on the state folder and the ports that the environment names.
FIRST_START = """
import os
from pathlib import Path
from scripts import run
state = Path(os.environ["STATE_DIR"])
os.umask(0o077)
(state / "media").mkdir()
run.set_environment(state)
run.prepare(state)
"""


@dataclass
class Site:
    url: str
    studio_url: str
    state: Path
    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_for_exit(self) -> int:
        return self.process.wait(timeout=PATIENCE)


def after_first_start(state: Path) -> Path:
    """Make the folder `state` as a first start leaves it.

    It is copied from one that is made once a run: migrating takes 20 seconds of computing.
    """
    return Path(shutil.copytree(_first_start(), state))


def _first_start() -> Path:
    """Made by whoever asks first, in the folder that the passes of `make test` share, or in this pass's own."""
    shared = Path(os.environ.get("TESTS_SHARED") or settings.STATE_DIR)
    made = shared / "first-start"
    with (shared / "first-start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            state = shared / "first-start.new"
            shutil.rmtree(state, ignore_errors=True)
            state.mkdir()
            subprocess.run(
                [sys.executable, "-c", FIRST_START],
                cwd=ROOT,
                env=_environment(state, PORT=str(free_port()), STUDIO_PORT=str(free_port())),
                check=True,
            )
            state.rename(made)
    return made


def _environment(state: Path, **more: str) -> dict[str, str]:
    """Nothing else of this shell's: no setting of the developer's or of the tests'."""
    return {"PATH": os.environ["PATH"], "STATE_DIR": str(state), **more}


@contextmanager
def starting_site(state: Path, **environment: str) -> Iterator[Site]:
    """`make run` as it starts, its state in `state`. It is stopped as Ctrl-C does, and must then end well."""
    port, studio_port = (environment.setdefault(name, str(free_port())) for name in ("PORT", "STUDIO_PORT"))
    state.mkdir(exist_ok=True)
    output = state / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.run"],
            cwd=ROOT,
            env=_environment(state, **environment),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Site(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{studio_port}", state, process, output)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE)


@contextmanager
def running_site(state: Path, **environment: str) -> Iterator[Site]:
    """The same, from when everything answers."""
    with starting_site(state, **environment) as site:
        deadline = time.monotonic() + PATIENCE
        while "Drops is at" not in site.said():
            if site.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Drops did not start:\n{site.said()[-8000:]}")
            time.sleep(0.1)
        yield site
