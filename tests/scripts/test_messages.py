"""`make messages` where it cannot work; where it can, tests/config/test_pseudo_language.py makes use of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import messages


def test_without_gettext_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert messages.main("de") == 1
    told = capsys.readouterr().err
    assert "GNU gettext" in told
    assert "apt-get install gettext" in told
