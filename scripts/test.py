"""`make test`: every test on SQLite and on PostgreSQL side by side, then those of the real processes and pages.

PostgreSQL comes from its wheel, or is the server that TEST_DATABASE_URL names. Arguments go to pytest.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
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


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    own_server = os.environ.get("TEST_DATABASE_URL")
    with (
        nullcontext(own_server) if own_server else running_postgresql() as database,
        tempfile.TemporaryDirectory(prefix="drops-tests-") as name,
        (Path(name) / "postgresql.txt").open("w+b") as output,
    ):
        folder = Path(name)
        with (
            running_pytest("sqlite", folder, arguments, TEST_DATABASE_URL="") as sqlite,
            running_pytest(
                "postgresql", folder, arguments, output=output, TEST_DATABASE_URL=database
            ) as postgresql,
        ):
            exits = [sqlite.wait(), postgresql.wait()]
        output.seek(0)
        print("\nOn PostgreSQL:", flush=True)
        shutil.copyfileobj(output, sys.stdout.buffer)
        real = "processes or browser" if chromium() else "processes"
        print("\nOn the real processes:", flush=True)
        with running_pytest("processes", folder, ["-m", real, *arguments]) as processes:
            exits.append(processes.wait())
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


@contextmanager
def running_pytest(
    name: str, folder: Path, arguments: Sequence[str], *, output: IO[bytes] | None = None, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """pytest at work; it does not outlive the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", f"--junitxml={folder / name}.xml", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
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
