"""The locks name every package with its hashes, and nobody's package index."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from scripts import lock

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s;\\]+)", re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The requirements and the locks alone."""
    for name in lock.SOURCES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(lock.ROOT / name, tmp_path / name)
    shutil.copytree(lock.ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def pins(text: str) -> set[tuple[str, str]]:
    return {(name.lower().replace("_", "-"), version) for name, version in PIN.findall(text)}


def named_in(source: str) -> set[tuple[str, str]]:
    """The pins of a requirements*.txt and of those that it includes."""
    text = (lock.ROOT / source).read_text()
    included = re.findall(r"^-r (\S+)", text, re.MULTILINE)
    return pins(text).union(*(named_in(name) for name in included))


def test_locks_made_from_todays_requirements_are_current(checkout: Path) -> None:
    assert lock.check(checkout) == 0


@pytest.mark.parametrize("source", lock.SOURCES)
def test_an_edited_requirement_asks_for_new_locks(
    checkout: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with (checkout / source).open("a") as file:
        file.write("one-more==1.0\n")

    assert lock.check(checkout) == len(lock.LOCKS)
    assert capsys.readouterr().out == (
        "Not made from today's requirements*.txt: dev, run, production, traces in requirements/. Run: make lock\n"
    )


def test_a_lock_that_is_missing_is_noticed(checkout: Path) -> None:
    (checkout / "requirements" / "run.lock").unlink()

    assert lock.check(checkout) == 1


@pytest.mark.parametrize("name", lock.LOCKS)
def test_a_lock_has_hashes_for_all_that_is_named_and_no_address(name: str) -> None:
    text = (lock.ROOT / "requirements" / f"{name}.lock").read_text()

    assert named_in(lock.LOCKS[name]) <= pins(text)
    packages = re.split(r"\n(?=\S)", text)[1:]
    assert len(packages) >= (10 if name == "traces" else 50)
    assert [package for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in text
    assert "--" not in text.replace("--hash=sha256:", "")
