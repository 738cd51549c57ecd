"""The main job, as a new user does it: watch, connect, claim, and the item is in the game.

Against the real processes, on the real clock: the demo campaign's first reward takes one minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import environ
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import sign_in
from tests.running import Site

# A beat a minute: after the second one the first minute counts. The rest is a slow machine.
ONE_MINUTE_WATCHED = 150_000


def claim_at_the_studio(site: Site, claim_id: str | None) -> dict[str, object]:
    """As the studio's server reads it: an app token by client credentials, then the claims API."""
    app = environ.Env()
    app.read_env(Path(site.state, "studio.env"), overwrite=True)
    token = requests.post(
        f"{site.url}/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": app.str("DROPS_CLIENT_ID"),
            "client_secret": app.str("DROPS_CLIENT_SECRET"),
        },
        timeout=180,
    ).json()["access_token"]
    answer = requests.get(
        f"{site.url}/public/v1/drops/claims",
        {"claim_id": claim_id},
        headers={"Authorization": f"Bearer {token}"},
        timeout=180,
    )
    assert answer.status_code == 200
    (claim,) = answer.json()["data"]["claims"]
    return dict(claim)


def connect(page: Page, site: Site, player: str) -> None:
    """From the studio's page on: the game account first, then this one, and back."""
    page.wait_for_url(f"{site.studio_url}/**")
    page.get_by_label("Player name").fill(player)
    page.get_by_role("button", name="Enter the game").click()
    page.get_by_role("link", name="Connect your platform account").click()
    expect(page.get_by_role("heading", name="Connect Skyforge Rally?")).to_be_visible()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{site.url}/**")


@pytest.fixture
def connected(browser: Browser, site: Site) -> Iterator[Page]:
    """tomo, who has connected before and watches from when the test begins."""
    context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    sign_in(page, "tomo")
    page.goto("/campaigns/")
    page.get_by_role("link", name="Aurora Season").click()
    page.get_by_role("link", name="Connect", exact=True).click()
    connect(page, site, "tomo-pilot")
    page.goto("/channels/mira/")
    yield page
    context.close()


def test_a_viewer_watches_connects_claims_and_has_the_item_in_the_game(
    page: Page, connected: Page, site: Site
) -> None:
    sign_in(page, "vera")

    # Watch.
    page.goto("/channels/mira/")
    season = page.locator("article", has=page.get_by_role("heading", name="Aurora Season"))
    expect(season.get_by_text("0 min", exact=True)).to_be_visible()
    expect(page.locator("#drops-status").get_by_text("Counting since")).to_be_visible(timeout=180_000)
    claim = season.get_by_role("link", name="Claim North pennant")
    expect(claim).to_be_visible(timeout=ONE_MINUTE_WATCHED)
    claim.click()
    page.wait_for_url("**/inventory/**")

    # Connect.
    page.locator("#ready").get_by_role("link", name="Connect to Northlight Games").click()
    connect(page, site, "ada-pilot")

    # Claim, and see it delivered: the whole page knows of it.
    page.get_by_role("button", name="Claim North pennant").click()
    claimed = page.locator("#claimed li").filter(has_text="North pennant")
    expect(claimed.get_by_text("Delivered", exact=True)).to_be_visible(timeout=180_000)
    expect(claimed).to_be_focused()
    expect(claimed.locator("img")).to_have_css("filter", "none")  # what was won is shown in full colour
    expect(page.locator("#ready")).to_have_count(0)

    # The studio has it.
    page.goto(site.studio_url)
    item = page.locator("li[data-claim-id]", has_text="North pennant")
    expect(item).to_be_visible()
    claim_id = item.get_attribute("data-claim-id")
    deadline = time.monotonic() + 180
    while (claim := claim_at_the_studio(site, claim_id))["external_status"] != "delivered":
        assert time.monotonic() < deadline, "the studio has not reported the claim as delivered"
        time.sleep(1)
    assert claim["external_id"] == "skyforge-north-pennant"

    # Who is connected claims without leaving the stream, by keyboard too, and hears what became of it.
    claim_button = connected.get_by_role("button", name="Claim North pennant")
    claim_button.wait_for(timeout=ONE_MINUTE_WATCHED)
    connected.route("**/inventory/claim/", lambda route: route.abort())
    claim_button.focus()
    connected.keyboard.press("Enter")
    toasts = connected.get_by_role("status").filter(has=connected.locator(".toast"))
    expect(toasts).to_contain_text("No connection.")
    expect(claim_button).to_be_focused()
    connected.unroute_all()
    connected.keyboard.press("Enter")
    reward = connected.locator("#drops-here li").filter(has_text="North pennant")
    expect(reward.get_by_text("Delivered", exact=True)).to_be_visible()
    expect(reward).to_be_focused()
    expect(toasts).to_contain_text("Claimed: North pennant.")
    assert connected.url == f"{site.url}/channels/mira/"
    assert connected.locator("video").evaluate("video => !video.paused")

    # The next update leaves it as it is.
    with connected.expect_response("**/channels/mira/status/"):
        connected.evaluate("document.dispatchEvent(new CustomEvent('drops:counting'))")
    expect(connected.locator("#drops-here.htmx-request, #drops-here.htmx-settling")).to_have_count(0)
    expect(reward.get_by_text("Delivered", exact=True)).to_be_visible()
    expect(reward).to_be_focused()
