"""The first page, as a browser draws it under the strict Content-Security-Policy."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def test_the_landing_page_is_drawn_and_leads_to_the_campaigns(page: Page) -> None:
    answer = page.goto("/")

    assert answer is not None
    assert answer.ok
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="Campaigns").first.click()
    expect(page).to_have_url(f"{page.url.split('/campaigns')[0]}/campaigns/")
    expect(page.get_by_role("link", name="Aurora Season")).to_be_visible()


def test_the_landing_page_fits_a_phone(page: Page) -> None:
    page.goto("/")

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_what_is_to_come_is_counted_down_on_an_open_page(page: Page) -> None:
    page.clock.install()
    page.goto("/campaigns/")
    end = page.locator("article").filter(has_text="Aurora Season").locator(".card-foot time")
    expect(end).to_have_text("in 13 days")

    page.clock.fast_forward(12 * 24 * 3_600_000)
    page.clock.run_for(15_000)

    expect(end).to_have_text(re.compile(r"in 4\d hours"))


def test_in_forced_colours_only_the_current_page_of_the_navigation_has_a_line(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    page.goto("/campaigns/")

    lines = page.locator(".site-nav a").evaluate_all(
        """links => links.map(link => [
            link.getAttribute("aria-current"),
            getComputedStyle(link).borderTopColor !== getComputedStyle(document.documentElement).backgroundColor,
        ])"""
    )
    assert lines == [["page", True], [None, False]]
