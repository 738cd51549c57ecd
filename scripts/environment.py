"""The Python environment in var/venv: made once, and brought up to date when the requirements change.

`python3 scripts/environment.py requirements.txt`, on the machine's own Python. Written so that one that
is too old can still read the file and say so.
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


def main(requirements: str) -> None:
    if sys.version_info < OLDEST:
        sys.exit(
            f"Drops needs Python 3.11 or newer, python3 is {VERSION}. Name another: make run PYTHON=python3.11"
        )
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            f"This Python lacks its venv module. On Debian and Ubuntu: apt-get install python{VERSION}-venv"
        )
    stamp = VENV / f"{requirements}.sha256"
    wanted = fingerprint(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing what {requirements} names into var/venv; the first time takes a minute.", flush=True)
    if not is_usable():
        run(sys.executable, "-m", "venv", "--clear", VENV)
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", ROOT / requirements)
    stamp.write_text(wanted)


def fingerprint(requirements: str) -> str:
    """Of the requirements, which may include each other, and of the Python they were installed for."""
    parts = [sys.version.encode(), requirements.encode()]
    files = sorted([*ROOT.glob("requirements*.txt"), ROOT / "examples" / "game_studio" / "requirements.txt"])
    parts += [file.read_bytes() for file in files]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_usable() -> bool:
    """Whether var/venv works and belongs to this version of Python."""
    test = f"import pip, sys; sys.exit('{VERSION}' != '%s.%s' % sys.version_info[:2])"
    return PYTHON.exists() and subprocess.run([str(PYTHON), "-c", test], check=False).returncode == 0


def run(*command: object) -> None:
    if subprocess.run([str(part) for part in command], check=False).returncode:
        sys.exit("The environment in var/venv could not be made: the lines above say why.")


if __name__ == "__main__":
    main(sys.argv[1])
