"""Migrations are history: one that has landed is never changed, renamed or deleted. migrations.sha256 holds their sums.

`python -m scripts.migrations` says what does not agree; `--add` notes down the new ones (`make fmt` does).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUMS = "migrations.sha256"


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    noted, found = read(root), sums(root)
    if list(arguments) == ["--add"]:
        # Only what is new: a change of what is noted stays visible.
        noted = found | noted
        lines = (f"{digest}  {name}\n" for name, digest in sorted(noted.items()))
        (root / SUMS).write_text("".join(lines))
    complaints = [f"{name} is gone, but has landed: bring it back." for name in noted.keys() - found.keys()]
    complaints += [
        f"{name} has landed and was changed: take the change back, and make a new migration."
        for name in noted.keys() & found.keys()
        if noted[name] != found[name]
    ]
    complaints += [f"{name} is not in {SUMS}. Run: make fmt" for name in found.keys() - noted.keys()]
    for complaint in sorted(complaints):
        print(complaint)
    return min(len(complaints), 1)


def read(root: Path) -> dict[str, str]:
    """The sum of each migration that has landed, by its path."""
    file = root / SUMS
    lines = file.read_text().splitlines() if file.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def sums(root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in root.glob("*/migrations/[0-9]*.py")
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
