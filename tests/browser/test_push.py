"""The watch page with the viewer WebSocket, and without it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.people import sign_in
from tests.browser.test_watch_page import beat_now, notice, troubled

__all__ = ["troubled"]  # a fixture


def test_the_page_hears_of_its_progress_and_asks_for_its_part_at_once(page: Page) -> None:
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    sign_in(page, "vera")
    page.goto("/channels/mira/")
    expect(notice(page)).to_contain_text("Counting since")
    page.wait_for_timeout(1_000)  # so that there is a second to count
    told = len([frame for frame in frames if '"progress"' in frame])
    with page.expect_response("**/channels/mira/status/"):
        beat_now(page)
    while len([frame for frame in frames if '"progress"' in frame]) == told:
        page.wait_for_timeout(100)


@pytest.mark.parametrize("how", ["refused", "closed"])
def test_a_page_whose_socket_does_not_open_or_stay_works_as_before(troubled: Page, how: str) -> None:
    def fail(socket: WebSocketRoute) -> None:
        socket.close(code=4401 if how == "closed" else 1011)

    troubled.route_web_socket("**/viewer/v1/connect*", fail)
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
