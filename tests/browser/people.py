"""The people of the demo, as they sign in."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from playwright.sync_api import Page, expect

from tests.running import ROOT, Site


def sign_in(page: Page, username: str) -> None:
    _say_the_password(page, username)
    expect_signed_in(page, username)


def sign_in_with_code(page: Page, site: Site, username: str) -> None:
    """As somebody who has a second factor."""
    _say_the_password(page, username)
    said = subprocess.run(
        [sys.executable, "manage.py", "demo", "--code"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "STATE_DIR": str(site.state)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    page.get_by_label("code").fill(re.findall(r"\b\d{6}\b", said)[0])
    page.keyboard.press("Enter")
    expect_signed_in(page, username)


def _say_the_password(page: Page, username: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email or username").fill(username)
    page.get_by_label("Password", exact=True).fill("drops-demo")
    page.keyboard.press("Enter")


def expect_signed_in(page: Page, username: str) -> None:
    """Text that only pages of a signed-in person have, so that a page from before the sign-in does not pass."""
    expect(page.get_by_text(f"Your account: {username}")).to_be_attached()
