"""The watch page with the viewer WebSocket, and without it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.people import sign_in
from tests.browser.test_watch_page import beat_now, notice, troubled

__all__ = ["troubled"]  # a fixture


def test_the_page_hears_of_its_progress_and_asks_for_its_part_at_once(page: Page) -> None:
    sign_in(page, "vera")
    with page.expect_websocket(lambda socket: "/viewer/v1/connect" in socket.url) as opened:
        page.goto("/channels/mira/")
    expect(notice(page)).to_contain_text("Counting since")
    page.wait_for_timeout(1_000)  # so that there is a second to count
    with (
        opened.value.expect_event("framereceived", lambda frame: '"progress"' in str(frame), timeout=180_000),
        page.expect_response("**/channels/mira/status/"),
    ):
        beat_now(page)


@pytest.mark.parametrize("how", ["refused", "closed"])
def test_a_page_whose_socket_does_not_open_or_stay_works_as_before(troubled: Page, how: str) -> None:
    def fail(socket: WebSocketRoute) -> None:
        socket.close(code=4401 if how == "closed" else 1011)

    troubled.route_web_socket("**/viewer/v1/connect*", fail)
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    with troubled.expect_response("**/channels/mira/status/"):
        beat_now(troubled)
