"""`make lock`: the whole set of packages, each version with the hashes of all its files, in requirements/*.lock.

People edit requirements*.txt, which name what we use ourselves. The locks add what that needs, for every
Python and system that Drops runs on. `ARGS=--upgrade` renews versions that no requirements*.txt names.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The largest first: the others take their versions from it.
LOCKS = {
    "dev": "requirements-dev.txt",
    "run": "requirements-run.txt",
    "production": "requirements.txt",
    "traces": "requirements-traces.txt",
}
SOURCES = [*sorted(LOCKS.values()), "examples/game_studio/requirements.txt"]
OLDEST_PYTHON = "3.11"


def main(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--check"]:
        return check(ROOT)
    for name, source in LOCKS.items():
        file = ROOT / "requirements" / f"{name}.lock"
        command = [
            *(
                sys.executable,
                "-m",
                "uv",
                "pip",
                "compile",
                "--quiet",
                "--no-config",
                source,
                "--output-file",
                str(file),
            ),
            *("--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes"),
            # The addresses of package indexes are everybody's own.
            *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
            *(() if name == "dev" else ("--constraint", "requirements/dev.lock")),
            *arguments,
        ]
        subprocess.run(command, cwd=ROOT, check=True)
        file.write_text(header(ROOT) + file.read_text())
    return 0


def check(root: Path) -> int:
    """Whether the locks were made from today's requirements. Needs no network."""
    old = [name for name in LOCKS if not is_current(root, root / "requirements" / f"{name}.lock")]
    if old:
        print(f"Not made from today's requirements*.txt: {', '.join(old)} in requirements/. Run: make lock")
    return len(old)


def is_current(root: Path, lock: Path) -> bool:
    return lock.exists() and lock.read_text().startswith(header(root))


def header(root: Path) -> str:
    sources = b"\0".join((root / source).read_bytes() for source in SOURCES)
    return f"# Made by `make lock` from requirements*.txt, {hashlib.sha256(sources).hexdigest()}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
