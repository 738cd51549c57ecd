"""A newcomer with a picture at hand, from the sign-up to a published campaign: every click and every field counted."""

from __future__ import annotations

import base64
import hmac
import re
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.people import sign_in_with_code
from tests.running import Site

MOST_CLICKS, MOST_SECONDS = 25, 300
PASSWORD = "a-long-walk-in-the-rain"


class Person:
    """Somebody at `page`, who counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks: list[str] = []
        self.fields: list[str] = []
        self.waited = 0.0

    def click(self, role: str, name: str | re.Pattern[str]) -> None:
        self.press(self.page.get_by_role(role, name=name).first)  # type: ignore[arg-type]

    def press(self, what: Locator) -> None:
        self.clicks.append(what.inner_text() or what.get_attribute("name") or "?")
        what.click()

    def fill(self, label: str, text: str) -> None:
        self.fields.append(label)
        self.page.get_by_label(label).first.fill(text)

    def choose(self, label: str, option: str) -> None:
        self.fields.append(label)
        self.page.get_by_label(label).first.select_option(label=option)

    def attach(self, file: Path) -> None:
        """One click opens the chooser, the picture at hand is the other."""
        self.clicks += ["picture", "open"]
        self.page.locator("input[type=file]").first.set_input_files(file)


@pytest.fixture
def operator(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    sign_in_with_code(page, site, "oscar")
    yield page
    context.close()


def mailed_link(site: Site) -> str:
    """The mail is printed, since no mail server is set."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if found := re.findall(rf"{site.url}/accounts/confirm-email/\S+", site.said()):
            return str(found[-1])
        time.sleep(0.2)
    pytest.fail("No mail came.")


def code_of(secret: str) -> str:
    """What an authenticator app shows (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time() // 30))
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    start = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"


def test_from_the_sign_up_to_a_published_campaign(
    page: Page, operator: Page, site: Site, tmp_path: Path
) -> None:
    picture = tmp_path / "wings.png"
    Image.new("RGB", (512, 512), "teal").save(picture)
    person = Person(page)
    began = time.monotonic()
    _sign_up(person, site)
    _apply(person)
    _second_factor(person)
    _app(person)

    waited = time.monotonic()
    _approve(operator)
    waited = time.monotonic() - waited

    page.goto("/dashboard/")
    person.clicks.append("the link in the mail about the approval")
    _reward(person, picture)
    _campaign(person)
    seconds = time.monotonic() - began - waited
    print(f"\n{len(person.clicks)} clicks, {len(person.fields)} fields, {seconds:.0f} s")  # noqa: T201
    print("clicks:", person.clicks, "fields:", person.fields)  # noqa: T201
    assert len(person.clicks) <= MOST_CLICKS, person.clicks
    assert seconds < MOST_SECONDS


def _sign_up(person: Person, site: Site) -> None:
    person.page.goto("/")
    person.click("link", "Sign up")
    person.fill("Email", "newcomer@example.com")
    person.fill("Username", "newcomer")
    person.fill("Password", PASSWORD)
    person.click("button", "Sign up")
    expect(person.page.get_by_text("newcomer@example.com")).to_be_visible()
    person.page.goto(mailed_link(site))
    person.clicks.append("the link in the mail")
    person.click("button", "Confirm")


def _apply(person: Person) -> None:
    person.click("link", "Register a studio")
    person.fill("Name", "Walk Games")
    person.fill("Website", "https://walk.example.com")
    person.fill("Connection page", "https://walk.example.com/connect")
    person.fill("Your games", "Walking Home")
    person.click("button", "Register")


def _second_factor(person: Person) -> None:
    page = person.page
    person.click("link", "Set up two-factor authentication")
    person.fill("Password", PASSWORD)
    person.click("button", "Confirm")
    secret = page.locator("#totp-secret").inner_text()
    person.fill("code", code_of(secret))
    person.click("button", "Turn on")
    person.click("link", "Go to the dashboard")
    expect(page.get_by_text("is waiting for approval").first).to_be_visible()


def _app(person: Person) -> None:
    person.click("link", re.compile("^Let viewers connect$"))
    person.fill("Name", "Walk Connect")
    person.fill("Redirect URIs", "https://walk.example.com/callback")
    person.click("button", "Create")
    person.click("link", "I have copied it")


def _approve(operator: Page) -> None:
    operator.goto("/admin/accounts/organization/?q=Walk")
    operator.get_by_role("link", name="Walk Games").click()
    operator.get_by_role("link", name="Approve").click()
    operator.get_by_role("button", name="Approve").click()
    expect(operator.get_by_text("was approved")).to_be_visible()


def _reward(person: Person, picture: Path) -> None:
    person.click("link", re.compile("^Make a reward$"))
    expect(person.page.get_by_label("Category")).to_contain_text("Walking Home")
    person.fill("Name", "Wings")
    person.fill("External ID", "wings")
    person.attach(picture)
    person.click("button", "Create")
    expect(person.page.get_by_role("heading", name="Wings")).to_be_visible()


def _campaign(person: Person) -> None:
    start = datetime.now(UTC) + timedelta(days=7)
    person.click("link", "Home")
    person.click("link", re.compile("^Plan a campaign$"))
    person.fill("Name", "First walk")
    person.fill("Start", f"{start:%Y-%m-%dT18:00}")
    person.fill("End", f"{start + timedelta(days=7):%Y-%m-%dT18:00}")
    person.choose("Reward", "Wings")
    person.fill("Minutes", "60")
    person.click("button", "Create")
    person.click("link", "Publish")
    person.click("button", "Publish")
    expect(person.page.get_by_text("“First walk” was published.")).to_be_visible()
