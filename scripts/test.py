"""`make test`: every test on SQLite and on PostgreSQL, those of real processes and of the browser, side by side.

PostgreSQL comes from its wheel, or is the server that TEST_DATABASE_URL names. Arguments go to pytest.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

import pytest

from scripts.chromium import chromium
from scripts.postgresql import running_postgresql

ROOT = Path(__file__).resolve().parent.parent
NO_CHROMIUM = """\
The browser tests were left out: there is no Chromium here. On Debian and Ubuntu: apt-get install chromium.
One in an unusual place is named: make test CHROMIUM=/path/to/chromium"""


@dataclass(frozen=True)
class Pass:
    """One run of pytest."""

    name: str
    title: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    # It leaves the processor to those that wait for minutes to be watched and for restarts more than they compute.
    computes: bool = False


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    own_server = os.environ.get("TEST_DATABASE_URL")
    with (
        nullcontext(own_server) if own_server else running_postgresql() as database,
        tempfile.TemporaryDirectory(prefix="drops-tests-") as name,
    ):
        folder = Path(name)
        passes = [
            Pass("sqlite", "On SQLite:", arguments, {"TEST_DATABASE_URL": ""}, computes=True),
            Pass("postgresql", "On PostgreSQL:", arguments, {"TEST_DATABASE_URL": database}, computes=True),
            Pass("launcher", "On all that `make run` starts:", ["-m", "processes and launcher", *arguments]),
            Pass("processes", "On real processes:", ["-m", "processes and not launcher", *arguments]),
        ]
        if chromium():
            passes.append(Pass("browser", "In the browser:", ["-m", "browser", *arguments]))
        exits = run_side_by_side(folder, *passes)
        skipped = sum(count_skipped(report) for report in folder.glob("*.xml"))

    if not chromium():
        print(f"\n{NO_CHROMIUM}")
    if skipped:
        print(f"\n{skipped} tests were skipped.")
    # A choice of tests may well leave a pass without any.
    passed = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED if arguments else pytest.ExitCode.OK}
    # On a developer's machine something may be missing; where it is decided what is good, nothing may.
    incomplete = bool(os.environ.get("CI")) and (skipped > 0 or not chromium())
    return 0 if passed.issuperset(exits) and not incomplete else 1


def run_side_by_side(folder: Path, *passes: Pass) -> list[int]:
    """The exit codes of the passes, which run at the same time; each prints when those before it have ended."""
    with ExitStack() as stack:
        running = []
        for number, each in enumerate(passes):
            output = stack.enter_context((folder / f"{each.name}.txt").open("w+b")) if number else None
            running.append((each.title, stack.enter_context(running_pytest(each, folder, output)), output))
        exits = []
        for title, process, output in running:
            print(f"\n{title}", flush=True)
            exits.append(process.wait())
            if output is not None:
                output.seek(0)
                shutil.copyfileobj(output, sys.stdout.buffer)
                sys.stdout.flush()
        return exits


@contextmanager
def running_pytest(
    each: Pass, folder: Path, output: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """pytest at work; it does not outlive the block."""
    command = [sys.executable, "-m", "pytest", f"--junitxml={folder / each.name}.xml", *each.arguments]
    process = subprocess.Popen(
        ["nice", "-n", "5", *command] if each.computes else command,
        cwd=ROOT,
        env={**os.environ, "TESTS_SHARED": str(folder), **each.environment},
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()


def count_skipped(report: Path) -> int:
    return sum(int(suite.get("skipped", 0)) for suite in ElementTree.parse(report).iter("testsuite"))  # noqa: S314 - our own


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
