"""The real Drops: what `make run` starts, on free ports and with data of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300  # seconds, for a machine that does much else


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
            # Nothing else of this shell's: no setting of the developer's or of the tests'.
            env={"PATH": os.environ["PATH"], "STATE_DIR": str(state), **environment},
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
