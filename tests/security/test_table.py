"""Every attack of the table is made by tests that exist."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.security.table import Row, exists, rows

ROWS = [pytest.param(row, id=f"{row.area}: {row.attack}") for row in rows()]


@pytest.mark.parametrize("row", ROWS)
def test_an_attack_has_tests_that_exist(row: Row) -> None:
    assert row.tests
    assert [test for test in row.tests if not exists(test)] == []


def test_the_table_has_every_attack_once() -> None:
    assert len(rows()) >= 131
    assert [attack for attack, count in Counter(row.attack for row in rows()).items() if count > 1] == []


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert exists("tests/security/test_table.py::test_the_table_has_every_attack_once")
    assert not exists("tests/security/test_table.py::test_of_nothing")
    assert not exists("tests/security/test_nothing.py::test_of_nothing")
