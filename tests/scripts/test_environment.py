"""The Python environment: made on the machine's own Python, and only when something changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "environment.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A Drops that needs nothing but pip, so that installing it is quick."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    (tmp_path / "requirements.txt").write_text("# nothing yet\n")
    (tmp_path / "examples" / "game_studio").mkdir(parents=True)
    (tmp_path / "examples" / "game_studio" / "requirements.txt").write_text("")
    return tmp_path


def bring_up_to_date(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys._base_executable, "scripts/environment.py", "requirements.txt"],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.processes
def test_it_is_made_once_and_again_when_the_requirements_change(checkout: Path) -> None:
    first = bring_up_to_date(checkout)
    assert first.returncode == 0, first.stderr
    assert "Installing what requirements.txt names into var/venv" in first.stdout
    assert (checkout / "var" / "venv" / "bin" / "python").exists()

    assert bring_up_to_date(checkout).stdout == ""

    (checkout / "requirements.txt").write_text("# something else\n")
    assert "Installing" in bring_up_to_date(checkout).stdout


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
