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
    """What only a person's own pages say: a page of before the sign-in is not taken for one of after it."""
    expect(page.get_by_text(f"Your account: {username}")).to_be_attached()
