"""What the image and compose.yaml would run, without Docker: the same files, commands, settings and rights."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]
# As a container's user has them: it owns nothing but its state. Python itself may be in a folder of root's: it may be
# read, as an image's is, and that is all.
AS_NOBODY = (
    [
        *("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--no-new-privs"),
        *(f"--{caps}=-all,+dac_read_search" for caps in ("bounding-set", "inh-caps", "ambient-caps")),
    ]
    if os.geteuid() == 0
    else []
)
PATIENCE = 120


def copied(folder: Path) -> Path:
    """What `COPY . .` copies: what git knows, without what .dockerignore leaves out. Nobody may write there."""
    left_out = [line.rstrip("/") for line in (ROOT / ".dockerignore").read_text().split() if "*" not in line]
    known = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    archive = folder / "image.tar"
    with tarfile.open(archive, "w") as tar:
        for name in known.stdout.splitlines():
            if (
                not any(name == part or name.startswith(f"{part}/") for part in left_out)
                and (ROOT / name).exists()
            ):
                tar.add(ROOT / name, name)
    tree = folder / "srv" / "drops"
    tree.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(tree, filter="data")
    archive.unlink()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    return tree


def settings_of_the_image() -> dict[str, str]:
    """Its ENV, without the paths of the image itself."""
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", LAST_STAGE, re.MULTILINE)
    found = dict(re.findall(r"(\w+)=(\S+)", block))
    del found["PATH"]
    return found


def command_of(service: str) -> list[str]:
    (entrypoint,) = re.findall(r'^ENTRYPOINT \["(.+)"\]$', LAST_STAGE, re.MULTILINE)
    return [entrypoint, *COMPOSE["services"][service]["command"]]


def settings_of(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """What compose.yaml sets, with `given` in place of what its env file has."""

    def filled(value: str) -> str:
        def put_in(found: re.Match[str]) -> str:
            name, default = found[1], found[2]
            if name not in given and default is None:
                raise KeyError(name)
            return given.get(name, default or "")

        return re.sub(r"\$\{(\w+)(?::\?|:-([^}]*))?\}", put_in, value)

    environment: dict[str, Any] = COMPOSE["services"][service]["environment"]
    return {name: filled(value) for name, value in environment.items()}


class Container:
    """A process with the rights and the settings of one. Its output is in a file."""

    def __init__(
        self, name: str, command: list[str], tree: Path, settings: Mapping[str, str], output: Path
    ) -> None:
        self.name = name
        self.settings = settings
        self._output = output
        with output.open("ab") as file:
            self.process = subprocess.Popen(
                [*AS_NOBODY, *command],
                cwd=tree,
                env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **settings},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self._output.read_text(errors="replace")

    def stop(self) -> int:
        """SIGTERM, as `docker stop` sends it to the first process."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=PATIENCE)
        finally:
            self.kill()

    def kill(self) -> None:
        if self.process.poll() is None or self.name == "web":
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def is_healthy(self, tree: Path) -> bool:
        """As HEALTHCHECK asks."""
        (check,) = re.findall(r"^HEALTHCHECK .*CMD \[(.+)\]$", LAST_STAGE, re.MULTILINE)
        command = [part.strip(' "') for part in check.split(",")]
        env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **self.settings}
        return subprocess.run([*AS_NOBODY, *command], cwd=tree, env=env, check=False).returncode == 0

    def wait_until_healthy(self, tree: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.is_healthy(tree):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not start:\n{self.said()[-4000:]}")
            time.sleep(0.2)
