"""The processes that are killed: web, worker, Valkey, each in a process group of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from honcho.environ import parse_procfile

ROOT = Path(__file__).resolve().parents[2]
# Between the traceback of an error and that of the one it became.
CHAINED = "The above exception was the direct cause of the following exception:"


class Program:
    """A command that is started again whenever it was killed. Ends with the `with` block.

    Its log has one line of JSON per event, and what others print.
    """

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

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def errors(self) -> Iterator[str]:
        """Every kind of error in its log, with how often and the last traceback; then what others wrote there."""
        counts: Counter[tuple[str, str]] = Counter()
        last: dict[tuple[str, str], str] = {}
        plain: list[str] = []
        for line in self._log.read_text(errors="replace").splitlines():
            if not line.startswith("{"):
                plain.append(line)
            elif '"level": "error"' in line:
                entry = json.loads(line)
                traceback = entry.get("exception", "").rpartition(CHAINED)[2].strip()
                kind = (entry["event"], traceback.rpartition("\n")[2])
                counts[kind] += 1
                last[kind] = traceback
        for kind, count in counts.most_common():
            yield f"{self.name}, {count} times: {kind[0]}\n{last[kind]}"
        yield "\n".join([f"{self.name}, the end of the rest:", *plain[-40:]])

    def _signal(self, what: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, what)
        if what == signal.SIGKILL:
            self._process.wait()


def procfile_command(name: str) -> list[str]:
    """As `make run` starts it."""
    command = parse_procfile((ROOT / "Procfile").read_text()).processes[name]
    return ["sh", "-c", command]
