"""Servers for measures: databases, Valkey, the web server as the Procfile has it, and a load generator.

Each is a context manager that stops what it started. Everything stays on 127.0.0.1.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from honcho.environ import parse_procfile

from scripts.ports import free_port, wait_until_listening
from scripts.postgresql import running_postgresql
from scripts.valkey import running_valkey

__all__ = [
    "Load",
    "load",
    "running_database",
    "running_valkey",
    "running_web",
    "running_worker",
    "set_up_django",
]

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent


@contextmanager
def running_database(kind: str) -> Iterator[str]:
    """Yields the DATABASE_URL of an empty "postgresql" or "sqlite" database."""
    if kind == "postgresql":
        with running_postgresql() as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(prefix="drops-bench-") as folder:
            yield f"sqlite:///{folder}/db.sqlite3"


def environment(*, database_url: str, redis_url: str = "", **more: str) -> dict[str, str]:
    """The settings of a measured Drops, for this process or another: production's, without TLS."""
    state = Path(tempfile.gettempdir(), "drops-bench")
    (state / "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a folder that is missing
    return {
        "ENV_FILE": os.devnull,
        "STATE_DIR": str(state),
        "SECRET_KEY": "bench-only-0123456789-0123456789-0123456789-0123456789",
        "ENCRYPTION_KEYS": "dGVzdHMtb25seS1rZXktb2YtdGhpcnR5LXR3by1ieS0=",
        "SITE_URL": "http://127.0.0.1:8000",
        "DEBUG": "false",
        "OUTBOUND_ALLOW_LOOPBACK": "true",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        **more,
    }


def set_up_django(
    *, database_url: str, redis_url: str = "", migrated: bool = True, **more: str
) -> dict[str, str]:
    """Set Django up in this process, with a migrated database; returns the environment for other processes."""
    settings = environment(database_url=database_url, redis_url=redis_url, **more)
    os.environ |= settings | {"DJANGO_SETTINGS_MODULE": "config.settings"}

    import django
    from django.core.management import call_command

    django.setup()
    if migrated:
        call_command("migrate", verbosity=0)
    return settings


@contextmanager
def running_web(
    settings: Mapping[str, str],
    *,
    application: str = "config.rsgi:application",
    workers: int = 2,
    threads: int = 8,
) -> Iterator[str]:
    """Granian as the Procfile starts it, with these settings; yields its address.

    `application="bench.noop:application"` is a Django view that does nothing, on the same server.
    """
    port = free_port()
    command = parse_procfile((ROOT / "Procfile").read_text()).processes["web"]
    sizes = {"PORT": str(port), "WEB_WORKERS": str(workers), "WEB_THREADS": str(threads)}
    with _running(command.replace("config.rsgi:application", application), {**settings, **sizes}, port=port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running_worker(settings: Mapping[str, str], name: str = "worker", *, threads: int = 8) -> Iterator[None]:
    """The clock, and the Celery worker of that name, as the Procfile starts them."""
    processes = parse_procfile((ROOT / "Procfile").read_text()).processes
    sizes = {"WORKER_THREADS": str(threads), "DELIVERY_THREADS": str(threads)}
    with _running(processes["clock"], settings), _running(processes[name], {**settings, **sizes}):
        yield


@contextmanager
def _running(command: str, settings: Mapping[str, str], *, port: int | None = None) -> Iterator[None]:
    """The command, from when it listens on `port` to the end of the block."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            shell=True,
            cwd=ROOT,
            env={**os.environ, **settings, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            if port:
                wait_until_listening(port)
            yield
        except BaseException:
            output.seek(0)
            print(f"{command} said:\n{output.read().decode()[-4000:]}", file=sys.stderr)
            raise
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


@dataclass(frozen=True)
class Load:
    """What the load generator saw: answers per second, latency in milliseconds."""

    per_second: float
    p50: float
    p99: float


def load(
    url: str,
    *,
    seconds: int = 8,
    connections: int = 32,
    script: Path | None = None,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """Ask for `url` as fast as `connections` allow. `script` is a wrk script (Lua) for anything but GET.

    RuntimeError if any answer was not 2xx or 3xx: the speed of errors is no measure.
    """
    wrk = shutil.which("wrk")
    if not wrk:
        raise SystemExit("This measure needs the load generator wrk: apt-get install wrk")
    command = (
        f"{wrk} --threads 1 --connections {connections} --duration {seconds}s --timeout 10s --latency".split()
    )
    if script:
        command += ["--script", str(script)]
    for name, value in (headers or {}).items():
        command += ["--header", f"{name}: {value}"]
    output = subprocess.run(
        [*command, url], check=True, capture_output=True, text=True, timeout=seconds + 30
    ).stdout
    return _parse(output)


def _parse(output: str) -> Load:
    if failures := re.findall(r"Socket errors: .+|Non-2xx or 3xx responses: .+", output):
        raise RuntimeError(f"the load generator met failures: {'; '.join(failures)}")
    rate = re.search(r"Requests/sec: +([\d.]+)", output)
    assert rate, output
    return Load(float(rate[1]), p50=_milliseconds(output, 50), p99=_milliseconds(output, 99))


def _milliseconds(output: str, percent: int) -> float:
    latency = re.search(rf"^ +{percent}% +([\d.]+)(us|ms|s|m) *$", output, re.MULTILINE)
    assert latency, output
    return float(latency[1]) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[latency[2]]
