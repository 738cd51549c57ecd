"""The commands that the image and compose.yaml name, run as they say, on an empty folder: the main job is walked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.fernet import Fernet

from scripts.ports import free_port, is_free
from scripts.postgresql import running_postgresql
from scripts.valkey import running_valkey
from tests.deploy.image import (
    AS_NOBODY,
    COMPOSE,
    DOCKERFILE,
    ROOT,
    Container,
    command_of,
    copied,
    settings_of,
    settings_of_the_image,
)
from tests.fulfillment.receiver import Receiver, running_receiver

OURS = [name for name, service in COMPOSE["services"].items() if service["image"] == "drops"]
PROCESSES = [name for name in OURS if name != "setup"]
GIVEN = {
    "SITE_HOST": "drops.example.com",
    "SECRET_KEY": "a-key-that-no-log-may-have-0123456789",
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "POSTGRES_PASSWORD": "thisispostgresqlspassword",
    "VALKEY_PASSWORD": "thisisvalkeyspassword",
    "EMAIL_URL": "consolemail://",
    "LOG_LEVEL": "DEBUG",
}

tools = Path(sys.executable).parent


def checked(*command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_dockerfile_is_well_made() -> None:
    result = checked("hadolint", "deploy/Dockerfile")
    assert result.returncode == 0, result.stdout


def test_the_image_is_nobodys_to_write() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert last.index("USER ") < last.index("ENTRYPOINT ")
    assert all(COMPOSE["services"][name]["read_only"] for name in OURS)
    assert all(COMPOSE["services"][name]["cap_drop"] == ["ALL"] for name in OURS)


def test_the_compose_file_is_one() -> None:
    result = checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")
    assert result.returncode == 0, result.stdout


def test_every_process_of_production_is_in_every_example() -> None:
    """What only a developer's machine runs is not: it has no server of its own, nor the studio's."""
    procfile = set(re.findall(r"^(\w+):", (ROOT / "Procfile").read_text(), re.MULTILINE))
    wanted = procfile - {"valkey", "studio", "ready"}
    kubernetes = (ROOT / "deploy/kubernetes/drops.yaml").read_text()
    target = (ROOT / "deploy/systemd/drops.target").read_text()

    assert set(PROCESSES) == wanted
    assert set(re.findall(r"^          args: \[(\w+)\]$", kubernetes, re.MULTILINE)) == {*wanted, "setup"}
    assert set(re.findall(r"drops@(\w+)", target)) == wanted


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    unit = (ROOT / "deploy/systemd/drops@.service").read_text()
    (tmp_path / "drops@.service").write_text(
        unit.replace("/srv/drops/deploy/start", str(ROOT / "deploy/start"))
    )
    shutil.copy(ROOT / "deploy/systemd/drops.target", tmp_path)

    result = checked("systemd-analyze", "verify", f"{tmp_path}/drops@.service", f"{tmp_path}/drops.target")

    assert "drops" not in result.stderr, result.stderr


@dataclass
class Deployment:
    tree: Path
    state: Path
    settings: dict[str, str]
    studio: Receiver
    copied: frozenset[Path]  # all paths of `tree` before anything ran
    containers: dict[str, Container] = field(default_factory=dict)

    def start(self, service: str, **more: str) -> Container:
        settings = {**settings_of_the_image(), **settings_of(service, GIVEN), **self.settings, **more}
        output = self.state.parent / f"{service}.log"
        container = Container(service, command_of(service), self.tree, settings, output)
        self.containers[service] = container
        return container

    def manage(self, *arguments: str) -> str:
        settings = {**settings_of_the_image(), **settings_of("web", GIVEN), **self.settings}
        result = subprocess.run(
            [*AS_NOBODY, sys.executable, "manage.py", *arguments],
            cwd=self.tree,
            env={"PATH": f"{tools}:/usr/bin:/bin", **settings, "METRICS_PORT": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout.strip()

    def said(self) -> str:
        return "\n".join(container.said() for container in self.containers.values())


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """The tree of the image and empty servers beside it. The demo asks for an address of this machine."""
    with ExitStack() as stack:
        # Not pytest's own folder, which is closed to other accounts.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drops-image-")))
        folder.chmod(0o755)
        tree, state, temporary = copied(folder), folder / "state", folder / "tmp"
        for its_own in (state, temporary):
            its_own.mkdir()
            if AS_NOBODY:
                shutil.chown(its_own, "nobody")
        port = str(free_port())
        database = stack.enter_context(running_postgresql())
        valkey = stack.enter_context(running_valkey())
        studio = stack.enter_context(running_receiver())
        made = Deployment(
            tree,
            state,
            {
                "SITE_URL": f"http://127.0.0.1:{port}",
                "BEHIND_TLS_PROXY": "false",
                "DATABASE_URL": database.replace("drops@", f"drops:{GIVEN['POSTGRES_PASSWORD']}@"),
                "REDIS_URL": valkey,
                "STATE_DIR": str(state),
                "STATIC_DIR": str(folder / "static"),
                "OUTBOUND_ALLOW_LOOPBACK": "true",
                "STREAMERS_GO_LIVE": "true",
                "WEB_HOST": "127.0.0.1",
                "METRICS_HOST": "127.0.0.1",
                "PORT": port,
                "SOCKET_URL": "",
                "TMPDIR": str(temporary),
            },
            studio,
            frozenset(tree.rglob("*")),
        )
        # As the build of the image does.
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
            cwd=tree,
            env={
                "PATH": f"{tools}:/usr/bin:/bin",
                "SECRET_KEY": "unused",
                "ENV_FILE": "/dev/null",
                "STATIC_DIR": made.settings["STATIC_DIR"],
                "STATE_DIR": str(folder / "build"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            check=True,
        )
        setup = made.start("setup")
        assert setup.process.wait(timeout=300) == 0, setup.said()[-3000:]
        made.manage("demo", "--studio-url", studio.url.rstrip("/"))
        try:
            for service in PROCESSES:
                # Each container has its own network: here each has ports of its own.
                ports = {"METRICS_PORT": str(free_port())}
                if service != "web":
                    ports |= {"PORT": str(free_port()), "SOCKET_PORT": str(free_port())}
                made.start(service, **ports)
            for service in PROCESSES:
                made.containers[service].wait_until_healthy(tree)
            yield made
        finally:
            for container in made.containers.values():
                container.kill()


ISSUE = """
from django.utils import timezone
from accounts.models import User
from drops.domain.watch.tokens import issue_watch_token
from drops.models import Channel
print(issue_watch_token(viewer_id=User.objects.get(username="vera").pk, now=timezone.now(), organization_id=None),
      Channel.objects.get(slug="mira").pk)
"""
CREDITED = """
from accounts.models import User
from drops.models import WatchInterval
print(WatchInterval.objects.filter(viewer=User.objects.get(username="vera")).count())
"""
ARRIVED = """
from fulfillment.models import Delivery
print(Delivery.objects.exclude(claim=None).exclude(state="delivered").count())
"""


def wait_for(deployment: Deployment, script: str, wanted: str) -> None:
    for _ in range(60):
        if deployment.manage("shell", "--verbosity", "0", "-c", script) == wanted:
            return
    raise AssertionError(deployment.said()[-4000:])


@pytest.mark.processes
def test_the_main_job_and_no_secret_in_the_log(deployment: Deployment) -> None:
    site = deployment.settings["SITE_URL"]
    browser = requests.Session()
    page = browser.get(f"{site}/accounts/login/")
    assert page.status_code == 200
    style = re.search(r'href="(/static/css/drops\.[0-9a-f]+\.css)"', page.text)
    assert style
    assert browser.get(site + style[1]).status_code == 200
    signed_in = browser.post(
        f"{site}/accounts/login/",
        {"login": "vera", "password": "drops-demo", "csrfmiddlewaretoken": _token_of(page.text)},
        headers={"Referer": site},
    )
    assert "vera" in signed_in.text
    token, channel = deployment.manage("shell", "--verbosity", "0", "-c", ISSUE).split()
    beat = {"token": token, "channel_id": int(channel), "event": "start"}
    assert requests.post(f"{site}/viewer/v1/beat", json=beat, timeout=30).status_code == 202

    wait_for(deployment, CREDITED, "1")
    wait_for(deployment, ARRIVED, "0")
    assert [received for received in deployment.studio.received if b"claim_id" in received.body]

    log = deployment.said()
    secrets = [
        *(GIVEN[name] for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "POSTGRES_PASSWORD")),
        urlsplit(deployment.settings["REDIS_URL"]).password,
        "drops-demo",
        token,
        *(cookie.value for cookie in browser.cookies),
    ]
    assert "request_finished" in log
    assert "task_succeeded" in log
    assert [secret for secret in secrets if secret and secret in log] == []


def _token_of(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    return found[1]


@pytest.mark.processes
def test_nothing_but_the_state_was_written(deployment: Deployment) -> None:
    """What nobody may write to can be a read-only file system."""
    assert set(deployment.tree.rglob("*")) == deployment.copied
    refused = ("PermissionError", "Read-only")
    assert [line for line in deployment.said().splitlines() if any(word in line for word in refused)] == []


@pytest.mark.processes
def test_a_web_process_that_is_told_to_stop_finishes_what_it_has(deployment: Deployment) -> None:
    """Half of a request has arrived when SIGTERM comes, and the other half comes after it."""
    site = urlsplit(deployment.settings["SITE_URL"])
    connection = HTTPConnection(str(site.hostname), site.port, timeout=60)
    connection.putrequest("POST", "/oauth/token")
    connection.putheader("Content-Type", "application/x-www-form-urlencoded")
    body = b"grant_type=client_credentials&client_id=nobody&client_secret=nothing"
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    connection.send(body[:10])
    web = deployment.containers["web"]
    stopping = threading.Thread(target=web.stop)
    stopping.start()
    while not is_free(site.port or 0):  # until it takes no new connections
        time.sleep(0.05)
    connection.send(body[10:])

    assert connection.getresponse().status == 401
    connection.close()
    stopping.join(timeout=60)
    assert web.process.returncode == 0


@pytest.mark.processes
@pytest.mark.parametrize("service", ["sockets", "worker", "deliveries", "clock"])
def test_the_others_end_in_order_when_they_are_told_to(deployment: Deployment, service: str) -> None:
    container = deployment.containers[service]
    before = len(container.said())

    assert container.stop() == 0
    since = container.said()[before:].splitlines()
    assert [line for line in since if '"level": "error"' in line] == []
