"""A real browser on the real processes. These tests know the site only by its addresses: its database is not theirs."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts.chromium import chromium
from tests.accounts.openid_provider import CLIENT_ID, running_provider
from tests.running import Site, after_first_start, running_site

# Chromium as root in a container, and without its own calls to the internet.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=180_000)  # a slow machine

# pytest shows it with a test that failed: what was pressed and what it met, what was asked and answered.
log = logging.getLogger(__name__)
log.setLevel(logging.INFO)
TELL_PRESSES = """
for (const kind of ["pointerdown", "pointerup", "click"]) {
  addEventListener(kind, ({target}) => console.debug(kind, target.outerHTML?.slice(0, 120)), true);
}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.removesuffix("conftest.py")):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Drops with its demo data, web server, worker, Valkey and the example studio, beside a platform."""
    with (
        running_provider() as platform,
        running_site(
            after_first_start(tmp_path_factory.mktemp("site") / "state"),
            OIDC_SERVER_URL=platform,
            OIDC_CLIENT_ID=CLIENT_ID,
            OIDC_CLIENT_SECRET="secret",
            OIDC_NAME="Streamhub",
        ) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A visitor nobody knows, on a phone. A script error, a refused style or a 5xx on any page fails the test."""
    problems: list[str] = []
    context = browser.new_context(base_url=site.url, viewport={"width": 390, "height": 844})
    context.set_default_timeout(180_000)  # tests of real processes run beside these
    context.add_init_script(TELL_PRESSES)
    context.on("console", lambda line: log.info("%s", line.text))
    context.on("request", lambda request: log.info("asked: %s %s", request.method, request.url))
    context.on("response", lambda answer: log.info("%s %s", answer.status, answer.url))
    context.on("requestfailed", lambda request: log.info("%s %s", request.failure, request.url))
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("response", lambda answer: problems.append(answer.url) if answer.status >= 500 else None)
    yield page
    context.close()
    assert problems == []
