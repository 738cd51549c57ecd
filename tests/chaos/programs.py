"""The processes that are killed: web, worker, Valkey, each in a process group of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from honcho.environ import parse_procfile

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """A command that is started again whenever it was killed. Ends with the `with` block."""

    def __init__(self, name: str, command: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.killed = 0
        self._command = command
        self._settings = settings
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Program:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._signal(signal.SIGKILL)

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={
                    **os.environ,
                    **self._settings,
                    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9 of all its processes, and a new start."""
        self._signal(signal.SIGKILL)
        self.killed += 1
        self.start()

    def stop(self) -> None:
        """It hangs."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, what)
        if what == signal.SIGKILL:
            self._process.wait()


def procfile_command(name: str) -> list[str]:
    """As `make run` starts it."""
    command = parse_procfile((ROOT / "Procfile").read_text()).processes[name]
    return ["sh", "-c", command]
