"""SQLite and PostgreSQL answer alike, byte for byte: the same calls on the same things."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from scripts.postgresql import running_postgresql

pytestmark = pytest.mark.processes


def answers(database_url: str) -> list[list[Any]]:
    told = subprocess.run(
        [sys.executable, "-m", "tests.answers"],
        env={**os.environ, "TEST_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    return list(json.loads(told.stdout))


def test_both_databases_give_the_same_answers() -> None:
    with running_postgresql() as url:
        postgresql, sqlite = answers(url), answers("")
    statuses = Counter(told[1] for told in sqlite)
    assert statuses[200] > 80
    assert statuses[201] == 2
    assert max(statuses) < 500
    for ours, theirs in zip(sqlite, postgresql, strict=True):
        assert ours == theirs
