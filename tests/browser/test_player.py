"""The player script, on our own pages and on somebody else's."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.people import sign_in
from tests.running import Site

SOON = 60  # seconds, for a machine that does much else; a session without a goodbye lasts longer


class Viewer:
    """vera, who is signed in on `page`, and what the server says of her watching."""

    def __init__(self, page: Page, site: Site) -> None:
        sign_in(page, "vera")
        self.site = site
        self.token: dict[str, Any] = page.request.get("/viewer/v1/token").json()
        self.mira, self.tomo = (self._channel(page, slug) for slug in ("mira", "tomo"))

    def _channel(self, page: Page, slug: str) -> int:
        found = re.search(r'data-channel="(\d+)"', page.request.get(f"/channels/{slug}/").text())
        assert found
        return int(found[1])

    def beat(self, channel_id: int, event: str) -> None:
        beat = {"token": self.token["data"]["token"], "channel_id": channel_id, "event": event}
        answer = requests.post(f"{self.site.url}/viewer/v1/beat", json=beat, timeout=180)
        assert answer.status_code == 202

    def counts_soon(self, channel_id: int, *, asking: str = "") -> bool:
        """Whether this channel counts, now or some seconds later; `asking`: by this beat, again and again."""
        deadline = time.monotonic() + SOON
        while not (counts := self._counts(channel_id)) and time.monotonic() < deadline:
            if asking:
                self.beat(channel_id, asking)
            time.sleep(0.5)
        return counts

    def _counts(self, channel_id: int) -> bool:
        answer = requests.get(
            f"{self.site.url}/viewer/v1/status",
            {"channel_id": channel_id},
            headers={"Authorization": f"Bearer {self.token['data']['token']}"},
            timeout=180,
        )
        return answer.json()["data"]["counting"] is True


@pytest.fixture
def viewer(page: Page, site: Site) -> Iterator[Viewer]:
    """Her session is free before the test and after it."""
    viewer = Viewer(page, site)
    yield viewer
    page.goto("about:blank")
    for channel_id in (viewer.mira, viewer.tomo):
        viewer.beat(channel_id, "goodbye")


@pytest.fixture
def other_site(viewer: Viewer) -> Iterator[str]:
    """Another origin: a page with our player for mira's channel, and the token that its server got for vera."""
    page = f"""<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">
        <script src="{viewer.site.url}/static/js/player.js" data-channel="{viewer.mira}" data-token-url="/token" defer>
        </script>"""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {"/": ("text/html", page), "/token": ("application/json", json.dumps(viewer.token))}
            kind, text = answers[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_player_on_another_site_says_goodbye_when_its_page_is_left(
    page: Page, viewer: Viewer, other_site: str
) -> None:
    page.goto(other_site)
    page.evaluate("document.dispatchEvent(new Event('drops:play'))")
    assert viewer.counts_soon(viewer.mira)

    page.goto("about:blank")
    assert viewer.counts_soon(viewer.tomo, asking="start")  # the goodbye may still be on its way


def test_count_here_instead_is_remembered_until_the_video_plays(page: Page, viewer: Viewer) -> None:
    viewer.beat(viewer.tomo, "start")
    assert viewer.counts_soon(viewer.tomo)
    page.goto("/channels/mira/")
    button = page.get_by_role("button", name="Count here instead")
    expect(button).to_be_visible()
    page.locator("video").evaluate("video => video.pause()")

    button.click()
    expect(
        page.locator("#drops-status").get_by_text("Play the video, and your watch time counts here.")
    ).to_be_visible()
    page.locator("video").evaluate("video => video.play()")
    assert viewer.counts_soon(viewer.mira)


def test_count_here_instead_that_does_not_get_through_is_tried_again(page: Page, viewer: Viewer) -> None:
    viewer.beat(viewer.tomo, "start")
    assert viewer.counts_soon(viewer.tomo)
    said: list[str] = []

    def lose_the_first_switch(route: Route) -> None:
        said.append(json.loads(route.request.post_data or "")["event"])
        if said.count("switch") == 1 and said[-1] == "switch":
            route.abort()
        else:
            route.continue_()

    troubled = page.context.new_page()  # its console may say that a call failed
    troubled.route("**/viewer/v1/beat", lose_the_first_switch)
    troubled.goto("/channels/mira/")
    troubled.get_by_role("button", name="Count here instead").click()
    expect(troubled.locator("#drops-status").get_by_text("Counting since")).to_be_visible(timeout=180_000)
    assert said.count("switch") == 2
    troubled.close()


def test_the_page_of_a_stream_that_has_ended_shows_no_video_and_reports_nothing(
    page: Page, viewer: Viewer, browser: Browser, site: Site
) -> None:
    page.goto("/channels/tomo/")
    expect(page.locator("#drops-status").get_by_text("Counting since")).to_be_visible(timeout=180_000)
    streamer = browser.new_context(base_url=site.url).new_page()
    sign_in(streamer, "tomo")
    streamer.goto("/channels/tomo/")
    page.evaluate("document.dispatchEvent(new Event('drops:pause'))")  # no beat tells the page
    streamer.get_by_role("link", name="End the stream").click()
    asked = streamer.get_by_role("dialog")
    expect(asked.get_by_role("button", name="Stay live")).to_be_focused()
    asked.get_by_role("button", name="End the stream").click()
    try:
        expect(page.get_by_text("Nothing counts while the channel is off air.")).to_be_visible()
        expect(page.locator("#stream-picture")).to_contain_text("tomo is off air")
        expect(page.locator("#stream-head")).to_contain_text("Off air")
        expect(page.locator("video")).to_have_count(0)
    finally:
        streamer.get_by_label("Title").fill("Building the old pier")
        streamer.get_by_label("Category").select_option("Harbor Lights")
        streamer.get_by_role("button", name="Go live").click()
        expect(streamer.get_by_role("link", name="End the stream")).to_be_visible()
        streamer.context.close()
