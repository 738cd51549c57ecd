"""What an open viewer WebSocket takes, beside one that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from honcho.environ import parse_procfile

from bench import measure, servers
from scripts.ports import free_port, wait_until_listening

SOCKETS = 10_000
CHANNELS = 100
# Seconds that the load generator has.
PATIENCE = 180


@measure(floor=0.5, unit="KiB/socket", lower_is_better=True)
def socket_memory() -> tuple[float, float]:
    """Memory for each of 10,000 viewers, who follow 100 channels, beside the bare library's server."""
    with servers.running_database("sqlite") as database_url, servers.running_valkey() as redis_url:
        settings = servers.set_up_django(database_url=database_url, redis_url=redis_url)
        lines = _world()
        ours = parse_procfile((servers.ROOT / "Procfile").read_text()).processes["sockets"]
        return (
            _memory(ours, settings, lines),
            _memory("exec python -m bench.bare_sockets $SOCKET_PORT", settings, lines),
        )


def _world() -> str:
    from accounts.models import User
    from drops.domain.watch.tokens import LIFETIME, issue_watch_token
    from drops.models import Channel

    users = User.objects.bulk_create(
        [User(username=f"viewer-{number}", email=f"{number}@example.com") for number in range(SOCKETS)]
    )
    channels = Channel.objects.bulk_create(
        [Channel(owner=user, slug=user.username) for user in users[:CHANNELS]]
    )
    # The measure may take longer than a token lives.
    later = datetime.now(UTC) + timedelta(hours=1) - LIFETIME
    return "\n".join(
        f"{issue_watch_token(viewer_id=user.pk, now=later)} {channels[number % CHANNELS].pk}"
        for number, user in enumerate(users)
    )


def _memory(command: str, settings: Mapping[str, str], lines: str) -> float:
    """KiB that the process takes for each socket."""
    port = free_port()
    environment = {
        **os.environ,
        **settings,
        "SOCKET_PORT": str(port),
        "PATH": f"{servers.PROGRAMS}:{os.environ['PATH']}",
    }
    server = subprocess.Popen(command, shell=True, cwd=servers.ROOT, env=environment)
    load = None
    try:
        wait_until_listening(port)
        time.sleep(1)
        before = _resident(server.pid)
        load = subprocess.Popen(
            [sys.executable, "-m", "bench.open_sockets", str(port)],
            cwd=servers.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert load.stdin is not None
        assert load.stdout is not None
        load.stdin.write(lines)
        load.stdin.close()
        began = time.monotonic()
        assert int(load.stdout.readline() or 0) == SOCKETS, "the load generator did not open them all"
        print(f"  {SOCKETS:,} sockets in {time.monotonic() - began:.1f} s", file=sys.stderr)
        time.sleep(3)  # until all were told how it stands
        return (_resident(server.pid) - before) / SOCKETS
    finally:
        for process in (load, server):
            if process is not None:
                process.kill()
                process.wait()


def _resident(pid: int) -> int:
    """KiB"""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("there is no such process")
