"""`make outdated`: which packages that we name have a newer version, and which locked versions have a known hole.

It ends with an error for a hole, and for a package that nobody could look up: silence would read as "no hole".
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from scripts.lock import LOCKS, ROOT

NAMED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)


def main() -> int:
    listed = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "list",
            "--outdated",
            "--format",
            "json",
            "--disable-pip-version-check",
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for line in newer(json.loads(listed.stdout), named(ROOT)):
        print(line)
    failed = 0
    for name in LOCKS:
        print(f"Known holes in requirements/{name}.lock:", flush=True)
        command = ["--strict", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
        lock = str(ROOT / "requirements" / f"{name}.lock")
        result = subprocess.run(
            [sys.executable, "-m", "pip_audit", *command, "--requirement", lock], check=False
        )
        failed += result.returncode != 0
    return min(failed, 1)


def named(root: Path) -> set[str]:
    """The packages in requirements*.txt: others follow from them."""
    texts = ((root / source).read_text() for source in LOCKS.values())
    return {normal(name) for text in texts for name in NAMED.findall(text)}


def newer(outdated: Iterable[dict[str, str]], ours: set[str]) -> list[str]:
    return [
        f"{each['name']} {each['version']}: there is {each['latest_version']}"
        for each in outdated
        if normal(each["name"]) in ours
    ]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
