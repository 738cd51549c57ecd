"""A migration that has landed stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import migrations


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A checkout with two migrations that have landed."""
    (tmp_path / "accounts" / "migrations").mkdir(parents=True)
    for name in ("0001_initial", "0002_add_notes"):
        (tmp_path / "accounts" / "migrations" / f"{name}.py").write_text(f"# {name}\n")
    assert migrations.main(["--add"], tmp_path) == 0
    return tmp_path


def migration(history: Path, name: str) -> Path:
    return history / "accounts" / "migrations" / f"{name}.py"


def test_what_has_landed_and_did_not_change_is_well(history: Path) -> None:
    assert migrations.main([], history) == 0
    assert len((history / migrations.SUMS).read_text().splitlines()) == 2


@pytest.mark.parametrize("arguments", [[], ["--add"]])
def test_a_change_is_noticed(history: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    migration(history, "0001_initial").write_text("# another\n")

    assert migrations.main(arguments, history) == 1
    assert migrations.main([], history) == 1
    assert "accounts/migrations/0001_initial.py has landed and was changed" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--add"]])
def test_a_deletion_is_noticed(
    history: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    migration(history, "0002_add_notes").rename(migration(history, "0002_add_words"))

    assert migrations.main(arguments, history) == 1
    assert "accounts/migrations/0002_add_notes.py is gone, but has landed" in capsys.readouterr().out


def test_a_new_one_is_to_be_noted(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    migration(history, "0003_add_words").write_text("# new\n")

    assert migrations.main([], history) == 1
    assert capsys.readouterr().out == (
        "accounts/migrations/0003_add_words.py is not in migrations.sha256. Run: make fmt\n"
    )
    assert migrations.main(["--add"], history) == 0
    assert migrations.main([], history) == 0
