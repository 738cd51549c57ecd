"""`make run`, with its real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import redis
import requests

from scripts.ports import free_port
from scripts.postgresql import running_postgresql
from tests.running import PATIENCE, Site, running_site, starting_site

pytestmark = [pytest.mark.processes, pytest.mark.launcher]


def processes_of(site: Site) -> dict[int, str]:
    """Command lines of all that runs with this site's state, by process id; the launcher too."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            if f"STATE_DIR={site.state}".encode() in environment:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # it has just ended, or is somebody else's
    return found


def wait_until_gone(site: Site) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and processes_of(site):
        time.sleep(0.1)
    assert processes_of(site) == {}


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def leader(site: Site, program: str) -> int:
    """The process that runs a line of the Procfile: it leads its group."""
    (found,) = (
        pid for pid, command in processes_of(site).items() if program in command and os.getpgid(pid) == pid
    )
    return found


def readiness(site: Site) -> dict[str, str]:
    """What answers and works, without the figures."""
    answer = requests.get(f"{site.url}/readyz", timeout=PATIENCE).json()
    return {name: value for name, value in answer.items() if name != "seconds"}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by the tests of this file, so that the database is made once."""
    return tmp_path_factory.mktemp("state")


def not_for_the_user(site: Site) -> list[str]:
    """Lines of programs that run Drops: hints for who develops or operates them."""
    # Where workers are slow to start, what the clock asked for meanwhile has expired: it asks again.
    expected = r'[\d:]+ (system|ready|studio) +\| |.*"expired": true.*"event": "task_revoked"'
    return [line for line in site.said().splitlines() if not re.match(expected, line)]


def test_a_second_start_keeps_settings_and_data(state: Path) -> None:
    with running_site(state) as first:
        assert readiness(first) == {"database": "ok", "redis": "ok", "tasks": "ok"}
        assert requests.get(first.studio_url, timeout=PATIENCE).ok
        assert "vera" in first.said()
        assert not_for_the_user(first) == []
    settings, studio = (state / "env").read_text(), (state / "studio.env").read_text()
    with sqlite3.connect(state / "db.sqlite3") as database:
        database.execute("UPDATE accounts_user SET email = 'kept@example.com' WHERE username = 'vera'")
    database.close()

    with running_site(state) as second:
        assert not_for_the_user(second) == []
        assert (state / "env").read_text() == settings
        assert (state / "studio.env").read_text() == studio
        with sqlite3.connect(state / "db.sqlite3") as database:
            (email,) = database.execute("SELECT email FROM accounts_user WHERE username = 'vera'").fetchone()
        database.close()
        assert email == "kept@example.com"


def test_web_processes_that_answer_no_more_are_started_anew(state: Path) -> None:
    with running_site(state) as site:
        web = leader(site, "granian")
        os.killpg(web, signal.SIGSTOP)

        deadline = time.monotonic() + 3 * PATIENCE
        while "It answered no more. It is started anew." not in site.said():
            assert time.monotonic() < deadline
            time.sleep(0.2)

        while True:
            with suppress(requests.RequestException):
                assert requests.get(f"{site.url}/campaigns/", timeout=PATIENCE).status_code == 200
                break
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert leader(site, "granian") != web
        assert site.process.poll() is None


def test_the_viewer_socket_goes_on_when_it_was_killed(state: Path) -> None:
    port = free_port()

    def hears() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=60).status_code == 200
        except requests.RequestException:
            return False

    with running_site(state, SOCKET_PORT=str(port)) as site:
        assert hears()
        # Clients that follow redirects need to know the site's address alone.
        led = requests.get(f"{site.url}/viewer/v1/connect?token=x", timeout=60, allow_redirects=False)
        assert led.headers["Location"] == f"ws://127.0.0.1:{port}/viewer/v1/connect?token=x"
        os.killpg(leader(site, "drops.sockets"), signal.SIGKILL)

        wait_until(lambda: "It ended. It is started anew." in site.said())
        wait_until(hears)
        assert site.process.poll() is None


def test_the_clock_is_watched_and_goes_on_when_it_was_killed(state: Path, valkey_url: str) -> None:
    with running_site(state, REDIS_URL=valkey_url) as site, redis.from_url(valkey_url) as connection:
        clock = leader(site, "config beat")
        os.kill(clock, signal.SIGSTOP)
        # Ticks that are on their way come through; then the minute after which it is noticed is over at once.
        wait_until(lambda: not connection.llen("celery") + connection.llen("deliveries"))
        wait_until(lambda: connection.delete("drops:tick:celery") == 0)
        assert requests.get(f"{site.url}/readyz", timeout=PATIENCE).status_code == 503
        assert readiness(site) == {"database": "ok", "redis": "ok", "tasks": "late"}

        connection.xadd("drops:watch:0", {"b": "no beat"})
        os.kill(clock, signal.SIGKILL)

        wait_until(lambda: "It ended. It is started anew." in site.said())
        wait_until(lambda: connection.xlen("drops:watch:0") == 0)
        wait_until(lambda: readiness(site)["tasks"] == "ok")
        assert leader(site, "config beat") != clock
        assert site.process.poll() is None
        assert not list(state.glob("celerybeat*"))


def test_what_is_kept_is_the_owners_alone(state: Path) -> None:
    (state / "old").mkdir(mode=0o755, exist_ok=True)
    (state / "old" / "dump").touch(mode=0o644)
    state.chmod(0o755)

    with running_site(state) as site:
        requests.get(site.url, timeout=PATIENCE)
        open_to_others = [path for path in (state, *state.rglob("*")) if path.lstat().st_mode & 0o077]

    assert open_to_others == []


def test_postgresql_and_redis_are_used_where_they_are_named(tmp_path: Path, valkey_url: str) -> None:
    with (
        running_postgresql() as database_url,
        running_site(tmp_path, DATABASE_URL=database_url, REDIS_URL=valkey_url) as site,
    ):
        assert readiness(site) == {"database": "ok", "redis": "ok", "tasks": "ok"}
        assert "granian" in str(processes_of(site))
        assert "valkey-server" not in str(processes_of(site))
        assert not (tmp_path / "db.sqlite3").exists()


def test_a_redis_that_does_not_answer_stops_the_start(tmp_path: Path) -> None:
    with starting_site(tmp_path, REDIS_URL="redis://127.0.0.1:1/0") as site:
        assert site.wait_for_exit() == 1

    assert "Error 111 connecting to 127.0.0.1:1. Connection refused." in site.said()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_every_process(state: Path, signal_number: int) -> None:
    with running_site(state) as site:
        assert len(processes_of(site)) > 6
        site.process.send_signal(signal_number)

        assert site.wait_for_exit() == 0
        wait_until_gone(site)


@pytest.mark.parametrize(
    ("program", "name"),
    [("granian", "web"), ("--queues celery", "worker"), ("--queues deliveries", "deliveries")],
)
def test_when_one_dies_all_end_and_it_is_named(state: Path, program: str, name: str) -> None:
    with running_site(state) as site:
        os.kill(leader(site, program), signal.SIGKILL)

        assert site.wait_for_exit() == 1
        assert f"Stopped, because this ended by itself: {name}." in site.said()
        wait_until_gone(site)


def test_a_killed_launcher_leaves_nothing_behind(state: Path) -> None:
    with running_site(state) as site:
        site.process.kill()
        site.wait_for_exit()

        wait_until_gone(site)


def test_the_same_data_are_not_used_twice_at_once(state: Path, tmp_path: Path) -> None:
    with running_site(state):
        with starting_site(tmp_path, STATE_DIR=str(state)) as second:
            assert second.wait_for_exit() == 1
        assert second.said() == f"Drops is running already, with the data in {state}.\n"


def test_a_port_in_use_is_named_with_the_way_to_choose_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with starting_site(tmp_path, PORT=str(port)) as site:
            assert site.wait_for_exit() == 1
        assert site.said() == f"Port {port} is in use. Choose another: make run PORT={port + 100}\n"

        with starting_site(tmp_path, STUDIO_PORT=str(port)) as site:
            assert site.wait_for_exit() == 1
        assert site.said() == (
            f"Port {port} for the example studio is in use. Choose another: make run STUDIO_PORT={port + 100}\n"
        )


def test_a_port_that_is_none_is_refused(tmp_path: Path) -> None:
    with starting_site(tmp_path, PORT="80x") as site:
        assert site.wait_for_exit() == 1

    assert site.said() == "PORT is '80x'; it must be a port, a number from 1 to 65535.\n"


def test_a_bad_setting_stops_the_start_in_one_line(tmp_path: Path) -> None:
    with starting_site(tmp_path, DATABASE_URL="mysql://drops@127.0.0.1/drops") as site:
        assert site.wait_for_exit() == 1

    lines = site.said().splitlines()
    assert (
        "DATABASE_URL must be postgres://USER:PASSWORD@HOST:5432/NAME or sqlite:////ABSOLUTE/FILE"
        in lines[-2]
    )
    assert lines[-1] == "Drops could not be prepared: the lines above say why."
