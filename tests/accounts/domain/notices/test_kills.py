"""Whatever line a sender of notices is killed at, its mail arrives: once, or twice with one Message-ID."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from accounts.domain import organizations
from accounts.models import Notice, NoticeEnd, Organization, User
from tests.factories import NOW
from tests.fulfillment import claimers

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_killed_at_any_line_the_mail_arrives(studio: Organization, owner: User) -> None:
    organizations.change_organization(organization=studio, name="Northlight", now=NOW, actor=owner)
    assert Notice.objects.count() == 1

    lab = subprocess.run(
        [sys.executable, "-m", "tests.accounts.domain.notices.kill_lab"],
        cwd=ROOT,
        env=claimers.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert lab.returncode == 0, lab.stderr[-3000:]
    arrived = json.loads(lab.stdout.splitlines()[-1])

    *killed, undisturbed = arrived
    assert undisturbed == [1, 1]
    assert len(killed) > 40  # lines
    # Before the server has it, one mail arrives. From then on until that is written down, a second one does.
    assert {tuple(each) for each in killed} == {(0, 1), (1, 2), (1, 1)}
    assert Notice.objects.get().end == NoticeEnd.SENT
