"""The short version of `make chaos`: every trouble at least once, on both databases."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.processes
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_no_claim_is_lost_or_doubled_whatever_is_killed(database):
    command = [sys.executable, "-m", "tests.chaos", "--database", database, "--seconds", "10", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    print(run.stdout)  # with what was done
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("\nholds ") == 12
