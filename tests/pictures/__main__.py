"""`make pictures`: starts the demo, and takes the pictures that docs/pictures.md shows.

Each page is one file, docs/images/<name>.webp: at 1280 and at 390 pixels, light above dark.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from scripts.chromium import chromium
from tests.browser.conftest import OPTIONS
from tests.browser.people import sign_in, sign_in_with_code
from tests.running import ROOT, Site, running_site

FOLDER = ROOT / "docs" / "images"
WIDE, NARROW, HEIGHT = 1280, 390, 844
GAP = 24
BACKGROUND = "#8a8f98"


class Subject(NamedTuple):
    """A page: the file's name, who looks at it, where it is, and what is pressed before the picture."""

    name: str
    person: str | None
    address: str
    press: Callable[[Page], None] | None = None


def first_link(pattern: str) -> Callable[[Page], None]:
    """Open the first link whose address contains `pattern`, as somebody does who came by the list."""

    def press(page: Page) -> None:
        page.goto(str(page.locator(f"main a[href*='{pattern}']").first.get_attribute("href")))

    return press


def campaign(page: Page) -> None:
    page.goto(str(page.get_by_role("link", name="Aurora Season").first.get_attribute("href")))


def counting(page: Page) -> None:
    page.get_by_text("Counting since").first.wait_for()


SUBJECTS = [
    Subject("landing", None, "/"),
    Subject("campaigns", None, "/campaigns/"),
    Subject("campaign", None, "/campaigns/", campaign),
    Subject("watch", "vera", "/channels/mira/", counting),
    Subject("inventory", "anouk", "/inventory/"),
    Subject("dashboard", "nora", "/dashboard/"),
    Subject("dashboard-campaign", "nora", "/dashboard/campaigns/", campaign),
    Subject("dashboard-deliveries", "nora", "/dashboard/deliveries/"),
    Subject(
        "dashboard-delivery",
        "nora",
        "/dashboard/deliveries/",
        first_link("/dashboard/deliveries/0"),
    ),
    Subject("operators", "oscar", "/admin/"),
]
WITH_CODE = {"nora", "oscar"}


def main(names: list[str]) -> int:
    chosen = [subject for subject in SUBJECTS if not names or subject.name in names]
    if len(chosen) < len(names) or not chromium():
        print(f"Chromium is needed, and names among: {', '.join(subject.name for subject in SUBJECTS)}.")
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="drops-pictures-") as folder,
        running_site(Path(folder, "state")) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        people: dict[str | None, BrowserContext] = {}
        for subject in chosen:
            if subject.person not in people:
                people[subject.person] = somebody(browser, site, subject.person)
            picture = sheet(people[subject.person], subject)
            picture.save(FOLDER / f"{subject.name}.webp", quality=80, method=6)
            print(f"docs/images/{subject.name}.webp", flush=True)
        browser.close()
    return 0


def somebody(browser: Browser, site: Site, person: str | None) -> BrowserContext:
    context = browser.new_context(base_url=site.url, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(60_000)
    page = context.new_page()
    if person in WITH_CODE:
        sign_in_with_code(page, site, person)
    elif person:
        sign_in(page, person)
    page.close()
    return context


def sheet(context: BrowserContext, subject: Subject) -> Image.Image:
    """Four pictures of one page, at half their size."""
    page = context.new_page()
    page.goto(subject.address)
    if subject.press:
        subject.press(page)
    whole = Image.new("RGB", ((WIDE + NARROW) // 2 + 3 * GAP, HEIGHT + 3 * GAP), BACKGROUND)
    for row, scheme in enumerate(("light", "dark")):
        left = GAP
        for width in (WIDE, NARROW):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.wait_for_load_state("networkidle")
            shot = Image.open(io.BytesIO(page.screenshot()))
            small = shot.resize((width // 2, HEIGHT // 2), Image.Resampling.LANCZOS)
            whole.paste(small, (left, GAP + row * (HEIGHT // 2 + GAP)))
            left += width // 2 + GAP
    page.close()
    return whole


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
