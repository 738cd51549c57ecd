"""SQLite and PostgreSQL answer alike, byte for byte, and both have the tables that the models ask for."""

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


def told_of(database_url: str) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, "-m", "tests.answers"],
        env={**os.environ, "TEST_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    return dict(json.loads(told.stdout))


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    with running_postgresql() as url:
        return {"postgresql": told_of(url), "sqlite": told_of("")}


def test_both_databases_give_the_same_answers(told: dict[str, dict[str, Any]]) -> None:
    postgresql, sqlite = told["postgresql"]["answers"], told["sqlite"]["answers"]
    statuses = Counter(told[1] for told in sqlite)
    assert statuses[200] > 80
    assert statuses[201] == 2
    assert max(statuses) < 500
    for ours, theirs in zip(sqlite, postgresql, strict=True):
        assert ours == theirs


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_migrations_make_the_tables_of_the_models(told: dict[str, dict[str, Any]], database: str) -> None:
    """Other tests use tables that are made from the models, which takes a twentieth of the time."""
    assert told[database]["tables"] == told[database]["tables of the models"]
