"""The people of the demo, as they sign in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from playwright.sync_api import Page, expect

from tests.running import ROOT, Site


def sign_in(page: Page, username: str) -> None:
    _say_the_password(page, username)
    expect_signed_in(page, username)


def sign_in_with_code(page: Page, site: Site, username: str) -> None:
    """As somebody who has a second factor. A code is taken once, and perhaps not at the end of its half minute."""
    _say_the_password(page, username)
    code = page.get_by_label("code")
    expect(code).to_be_visible()
    while "/2fa/" in page.url:
        code.fill(_unused_code(site, username))
        with page.expect_navigation():
            page.keyboard.press("Enter")
    expect_signed_in(page, username)


_used: dict[str, str] = {}


def _unused_code(site: Site, username: str) -> str:
    while (code := _present_code(site)) == _used.get(username):
        time.sleep(1)
    _used[username] = code
    return code


def _present_code(site: Site) -> str:
    said = subprocess.run(
        [sys.executable, "manage.py", "demo", "--code"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "STATE_DIR": str(site.state)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return str(re.findall(r"\b\d{6}\b", said)[0])


def _say_the_password(page: Page, username: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email or username").fill(username)
    page.get_by_label("Password", exact=True).fill("drops-demo")
    page.keyboard.press("Enter")


def expect_signed_in(page: Page, username: str) -> None:
    """Text that only pages of a signed-in person have, so that a page from before the sign-in does not pass."""
    expect(page.get_by_text(f"Your account: {username}")).to_be_attached()
