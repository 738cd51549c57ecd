"""Sign-in with the platform's account: through a form that leads to another origin, and back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.people import expect_signed_in


def test_a_person_of_the_platform_comes_in_with_its_account(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Streamhub").click()
    page.get_by_role("button", name="Continue").click()

    expect_signed_in(page, "")
    page.goto("/accounts/email/")
    expect(page.get_by_text("ada@example.com").first).to_be_visible()
