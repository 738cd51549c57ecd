"""`pytest tests/security` makes every attack of docs/security.md, wherever its test is, and says what fell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.table import ROOT, rows, tests_elsewhere

HERE = Path(__file__).resolve().parent
passed: set[str] = set()
failed: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    """Only where the whole folder was asked for."""
    if any(Path(argument).resolve() == HERE for argument in config.args):
        config.args += [str(ROOT / test) for test in tests_elsewhere()]
        config.pluginmanager.register(Summary())


class Summary:
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that is named without its examples, or a class of tests, stands for all of it."""
        name = report.nodeid.partition("[")[0]
        for each in (name, name.rpartition("::")[0]):
            if report.failed:
                failed.add(each)
            elif report.when == "call":
                passed.add(each)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        made = [row for row in rows() if not (passed | failed).isdisjoint(row.tests)]
        fell = [row for row in made if not failed.isdisjoint(row.tests)]
        terminalreporter.section("attacks of docs/security.md")
        terminalreporter.line(f"{len(made)} of {len(rows())} made here, {len(fell)} fell")
        for row in fell:
            terminalreporter.line(f"FELL  {row.area}: {row.attack}", red=True)
