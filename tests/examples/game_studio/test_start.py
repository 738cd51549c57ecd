"""Starting the studio: what it must be told, and what it says when it is not."""

import socket
import subprocess

import pytest

from .conftest import COMMAND, ROOT, Studio


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("name", ["DROPS_URL", "DROPS_CLIENT_ID", "DROPS_CLIENT_SECRET", "STUDIO_DB"])
def test_a_missing_setting_is_one_clear_line(environment, name):
    ended = run({key: value for key, value in environment.items() if key != name})
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"game studio: not set: {name} (")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["web", "0", "65536", "-1", ""])
def test_a_port_that_is_none_is_one_clear_line(environment, port):
    ended = run({**environment, "STUDIO_PORT": port})
    assert ended.returncode == 1
    assert ended.stderr == f"game studio: STUDIO_PORT is {port!r}; it must be a port, for example 9000\n"


def test_a_port_in_use_is_said_without_a_traceback(environment):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["STUDIO_PORT"])))
        taken.listen()
        ended = run(environment)
    assert ended.returncode == 1
    assert f"Port {environment['STUDIO_PORT']} is in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_players_stay_signed_in_over_a_restart(studio: Studio):
    browser = studio.sign_in("Nova")
    studio.restart()
    assert "Nova" in studio.garage(browser)
