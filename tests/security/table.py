"""The table in docs/security.md: attacks, and the tests that make them."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "security.md"


class Row(NamedTuple):
    area: str
    attack: str
    tests: tuple[str, ...]


@cache
def rows() -> list[Row]:
    found, area = [], ""
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("## "):
            area = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| attack", "| ---")):
            _, attack, tests, _ = (cell.strip() for cell in line.split("|"))
            found.append(Row(area, attack, tuple(re.findall(r"`(tests/[^`]+)`", tests))))
    return found


def tests_elsewhere() -> list[str]:
    """Those that are not in this folder, each once."""
    tests = {test for row in rows() for test in row.tests if not test.startswith("tests/security/")}
    return sorted(tests)


@cache
def names_in(file: str) -> frozenset[str]:
    """Functions, classes and their methods, as node ids have them."""
    found = set()
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(found)


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return (ROOT / file).is_file() and name in names_in(file)
