"""`kill -9` of whatever has a part in watch time: nothing is credited twice, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from scripts.ports import free_port, wait_until_listening
from scripts.postgresql import running_postgresql
from scripts.valkey import configure, running_valkey
from tests.drops.domain.watch import crash_lab

pytestmark = pytest.mark.processes

SEED = 1  # of the lines at which crediting is killed
ROOT = Path(__file__).resolve().parents[4]


def environment(database_url: str, redis_url: str) -> dict[str, str]:
    """The settings of the tests, on a database and a Valkey that other processes reach."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WATCH_PARTITIONS": "3",
    }


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "postgresql":
        with running_postgresql() as url:
            yield url
    else:
        yield f"sqlite:///{folder}/db.sqlite3"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_worker_that_dies_at_any_line_credits_nothing_twice_and_loses_nothing(kind, tmp_path):
    with database(kind, tmp_path) as database_url, running_valkey() as redis_url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.drops.domain.watch.crash_lab", str(SEED)],
            cwd=ROOT,
            env=environment(database_url, redis_url),
            stdout=subprocess.PIPE,
            text=True,
            timeout=900,
            check=True,
        )
    told = json.loads(done.stdout)

    assert told["killed"] >= crash_lab.KILLS_AT_A_LINE / 2
    assert told["seconds"] == [told["expected"]] * crash_lab.VIEWERS
    assert told["intervals"] >= crash_lab.VIEWERS
    assert told["qualified"] == crash_lab.VIEWERS
    assert told["figures_agree"]
    assert told["left"] == 0


def ask(url: str, body: object) -> int:
    return requests.post(url, json=body, timeout=300).status_code


@contextmanager
def web(settings: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The web server as it is in production, killed in the end with all its workers."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--http", "1", "--port", str(port)),
            *("--workers", "1", "--no-ws", "config.rsgi:application"),
        ],
        cwd=ROOT,
        env=settings,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_listening(port)
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# What the tests do in processes of their own: their settings are another database's and Valkey's.
PREPARE = """
import json, sys
from tests.drops.domain.watch import crash_lab
channel, viewer, *_ = crash_lab.make_world()
from django.utils import timezone
from drops.domain.watch.tokens import issue_watch_token
print(json.dumps([channel, issue_watch_token(viewer_id=viewer, now=timezone.now())]))
"""
FINISH = """
from tests.drops.domain.watch import crash_lab
crash_lab.credit()
from drops.models import Progress, WatchInterval
row = WatchInterval.objects.get()
span = row.last_beat_at - row.started_at
print(Progress.objects.values_list("seconds", flat=True).get(), int(span.total_seconds()))
"""


def run(program: str, settings: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def test_a_web_process_that_is_killed_costs_nobody_a_second(tmp_path):
    with running_valkey() as redis_url:
        settings = environment(f"sqlite:///{tmp_path}/db.sqlite3", redis_url)
        channel, token = json.loads(run(PREPARE, settings))
        began = time.time()
        for event in ("start", "watch", "watch"):
            port = free_port()
            with web(settings, port):
                beat = {"token": token, "channel_id": channel, "event": event}
                assert ask(f"http://127.0.0.1:{port}/viewer/v1/beat", beat) == 202
            # Dead in the moment it answered: the beat may or may not have reached the stream.
        port = free_port()
        with web(settings, port):
            beat = {"token": token, "channel_id": channel, "event": "goodbye"}
            assert ask(f"http://127.0.0.1:{port}/viewer/v1/beat", beat) == 202
        ended = time.time()
        seconds, span = map(int, run(FINISH, settings).split())

    assert seconds == span
    # The first web process took its beat before the second was started, the last one at the end.
    assert 1 <= seconds <= ended - began


def test_a_valkey_that_is_killed_costs_nobody_a_second(tmp_path):
    folder = tmp_path / "valkey"
    settings = environment(f"sqlite:///{tmp_path}/db.sqlite3", "")
    start = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    world: list[int] = []
    for minute in range(4):
        command, redis_url = configure(folder)
        settings["REDIS_URL"] = redis_url
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            wait_until_listening(urlsplit(redis_url).port or 0)
            if not world:
                world = json.loads(run(MAKE, settings))
            run(FEED.format(world=world, at=start + minute * 60_000, also_credit=minute == 1), settings)
        finally:
            process.kill()
            process.wait()
    command, settings["REDIS_URL"] = configure(folder)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until_listening(urlsplit(settings["REDIS_URL"]).port or 0)
        told = run(TELL, settings)
    finally:
        process.kill()
        process.wait()

    assert json.loads(told) == [180] * crash_lab.VIEWERS


MAKE = (
    "import json; from tests.drops.domain.watch import crash_lab; print(json.dumps(crash_lab.make_world()))"
)
FEED = """
from tests.drops.domain.watch import crash_lab
channel, *viewers = {world}
crash_lab.START = {at}
crash_lab.feed(channel, viewers, 0)
if {also_credit}:
    crash_lab.credit()
"""
TELL = """
import json
from tests.drops.domain.watch import crash_lab
crash_lab.credit()
from drops.models import Progress
print(json.dumps(list(Progress.objects.values_list("seconds", flat=True))))
"""
