"""The Python environment: made on the machine's own Python, and only when something changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "environment.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A Drops that needs nothing but pip, so that installing it is quick."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "run.lock").write_text("# nothing yet\n")
    return tmp_path


def bring_up_to_date(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys._base_executable, "scripts/environment.py", "run"],
        cwd=checkout,
        env=os.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.processes
def test_it_is_made_once_and_again_when_the_requirements_change(checkout: Path) -> None:
    first = bring_up_to_date(checkout)
    assert first.returncode == 0, first.stderr
    assert "Installing Python packages into var/venv" in first.stdout
    assert (checkout / "var" / "venv" / "bin" / "python").exists()

    assert bring_up_to_date(checkout).stdout == ""

    (checkout / "requirements" / "run.lock").write_text("# something else\n")
    assert "Installing" in bring_up_to_date(checkout).stdout


@pytest.mark.processes
def test_a_package_that_is_not_the_one_of_the_lock_is_not_installed(checkout: Path) -> None:
    wheel = checkout / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    lock = checkout / "requirements" / "run.lock"
    true_hash = hashlib.sha256(wheel.read_bytes()).hexdigest()

    lock.write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    refused = bring_up_to_date(checkout)
    assert refused.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in refused.stderr

    lock.write_text(f"tiny==1.0 --hash=sha256:{true_hash}\n")
    assert bring_up_to_date(checkout).returncode == 0


@pytest.mark.processes
def test_a_broken_environment_is_made_anew(checkout: Path) -> None:
    python = checkout / "var" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)

    assert bring_up_to_date(checkout).returncode == 0
    assert (
        subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    )


def test_an_old_python_is_told_in_one_line(checkout: Path) -> None:
    script = checkout / "scripts" / "environment.py"
    script.write_text(script.read_text().replace("OLDEST = (3, 11)", "OLDEST = (9, 0)"))

    result = bring_up_to_date(checkout)

    assert result.returncode == 1
    assert result.stderr.startswith("Drops needs Python 3.11 or newer, python3 is 3.")
    assert result.stderr.count("\n") == 1
    assert not (checkout / "var").exists()
