"""The Python environment in var/venv: made once, and brought up to date when the requirements change.

`python3 scripts/environment.py run`, on the machine's own Python, installs requirements/run.lock. Written
so that a Python that is too old can still read the file and say so.
"""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "var" / "venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def main(name: str) -> None:
    if sys.version_info < OLDEST:
        sys.exit(
            f"Drops needs Python 3.11 or newer, python3 is {VERSION}. Name another: make run PYTHON=python3.11"
        )
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            f"This Python lacks its venv module. On Debian and Ubuntu: apt-get install python{VERSION}-venv"
        )
    lock = ROOT / "requirements" / f"{name}.lock"
    stamp = VENV / f"{name}.sha256"
    wanted = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing Python packages into var/venv; the first time takes a minute.", flush=True)
    if not is_usable():
        run(sys.executable, "-m", "venv", "--clear", VENV)
    # Every file that is installed is the one that its hash in the lock was taken of.
    pip = [PYTHON, "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input"]
    run(*pip, "install", "--require-hashes", "-r", lock)
    stamp.write_text(wanted)


def is_usable() -> bool:
    """Whether var/venv works and belongs to this version of Python."""
    test = f"import pip, sys; sys.exit('{VERSION}' != '%s.%s' % sys.version_info[:2])"
    return PYTHON.exists() and subprocess.run([str(PYTHON), "-c", test], check=False).returncode == 0


def run(*command: object) -> None:
    if subprocess.run([str(part) for part in command], check=False).returncode:
        sys.exit("The environment in var/venv could not be made: the lines above say why.")


if __name__ == "__main__":
    main(sys.argv[1])
