"""Each line of THREAT_MODEL.md names tests that exist, and its areas leave nobody out."""

from __future__ import annotations

import re

import pytest

from tests.security.table import ROOT, exists

TEXT = (ROOT / "THREAT_MODEL.md").read_text()
LINES = [
    line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| who", "| ---"))
]


@pytest.mark.parametrize("line", LINES, ids=[line[2:60] for line in LINES])
def test_a_line_is_held_by_tests_that_exist(line: str) -> None:
    tests = re.findall(r"`(tests/[^`]+)`", line)

    assert tests
    assert [test for test in tests if not exists(test)] == []


def test_nobody_is_left_out() -> None:
    who = {line.split("|")[1].strip() for line in LINES}
    assert {"a visitor", "a viewer", "a member", "an owner", "a studio's app", "an operator"} <= who
