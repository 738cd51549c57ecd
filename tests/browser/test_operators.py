"""The operators' site at the width of a small laptop."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.people import sign_in_with_code
from tests.running import Site

CUT_OFF = """
[...document.querySelectorAll("#changelist-form .results, .actions, #toolbar")]
  .filter(each => each.scrollWidth > each.clientWidth + 1
    || each.getBoundingClientRect().right > document.querySelector("#changelist").getBoundingClientRect().right + 1)
  .map(each => each.className || each.id)
"""
TOO_SMALL = """
[...document.querySelectorAll("#changelist-filter :is(a, summary)")]
  .filter(each => each.getBoundingClientRect().height < 24).map(each => each.textContent.trim())
"""


def test_no_list_is_cut_off(page: Page, site: Site) -> None:
    sign_in_with_code(page, site, "oscar")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/admin/")
    lists = page.locator("#content-main table th a").evaluate_all("links => links.map(each => each.pathname)")
    assert len(lists) > 8
    for path in lists:
        page.goto(path)
        assert (path, page.evaluate(CUT_OFF), page.evaluate(TOO_SMALL)) == (path, [], [])
