"""The people of the demo, as they sign in."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def sign_in(page: Page, username: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email or username").fill(username)
    page.get_by_label("Password", exact=True).fill("drops-demo")
    page.keyboard.press("Enter")
    expect_signed_in(page, username)


def expect_signed_in(page: Page, username: str) -> None:
    """Text that only pages of a signed-in person have, so that a page from before the sign-in does not pass."""
    expect(page.get_by_text(f"Your account: {username}")).to_be_attached()
