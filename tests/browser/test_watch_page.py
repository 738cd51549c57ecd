"""What the watch page says when something keeps watch time from counting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.people import sign_in
from tests.running import Site

# From when the page can know something until it says so, in milliseconds.
SAYS_WITHIN = 10_000


@pytest.fixture
def troubled(page: Page, site: Site) -> Iterator[Page]:
    """vera's browser, whose console may tell of calls that failed."""
    sign_in(page, "vera")
    troubled = page.context.new_page()
    yield troubled
    troubled.unroute_all(behavior="ignoreErrors")
    troubled.goto("about:blank")
    troubled.close()


def notice(page: Page):
    return page.locator("#drops-status")


def beat_now(page: Page) -> None:
    """As the player does when a tab comes back: one beat, whatever its timer says."""
    page.evaluate("dispatchEvent(new Event('online'))")


def test_a_blocked_player_script_is_said_at_once(troubled: Page) -> None:
    troubled.route("**/player*.js", lambda route: route.abort())
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Something blocks the script", timeout=SAYS_WITHIN)


def test_beats_that_do_not_get_through_promise_no_more_than_the_server_keeps(troubled: Page) -> None:
    troubled.clock.install()
    troubled.goto("/channels/mira/")
    troubled.clock.run_for(5_000)
    expect(notice(troubled)).to_contain_text("Counting since")
    troubled.route("**/viewer/v1/beat", lambda route: route.abort())

    beat_now(troubled)
    expect(notice(troubled)).to_contain_text("nothing is lost so far", timeout=SAYS_WITHIN)
    for _ in range(16):  # in steps that no sleeping computer makes
        troubled.clock.run_for(10_000)
    beat_now(troubled)
    expect(notice(troubled)).to_contain_text("only the last two and a half minutes", timeout=SAYS_WITHIN)


def test_after_a_silence_in_which_the_video_played_on_the_player_does_not_begin_anew(troubled: Page) -> None:
    said: list[str] = []

    def listen(route: Route) -> None:
        said.append((route.request.post_data_json or {})["event"])
        route.fulfill(status=202, json={"data": None, "message": "OK"}) if len(said) != 2 else route.abort()

    troubled.clock.install()
    troubled.route("**/viewer/v1/beat", listen)
    troubled.goto("/channels/mira/")
    troubled.clock.run_for(1_000)
    troubled.wait_for_function("() => document.querySelector('script[data-channel]').dataset.ready")
    while len(said) < 1:
        troubled.wait_for_timeout(100)
    for _ in range(24):
        troubled.clock.run_for(10_000)
        troubled.wait_for_timeout(20)
    assert said[0] == "start"
    assert set(said[1:]) == {"watch"}
    assert len(said) > 2

    troubled.clock.fast_forward(600_000)  # the computer slept
    beat_now(troubled)
    while "start" not in said[1:]:
        troubled.wait_for_timeout(100)


def test_a_status_that_cannot_be_asked_for_is_not_told_as_not_counting(troubled: Page) -> None:
    troubled.route("**/viewer/v1/status*", lambda route: route.abort())
    troubled.route("**/channels/mira/status/", lambda route: route.abort())
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Your watch time is reported.", timeout=SAYS_WITHIN)


def test_who_signs_out_in_another_tab_is_told_and_finds_the_way_back(troubled: Page) -> None:
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    troubled.context.clear_cookies(name="sessionid")

    beat_now(troubled)

    expect(notice(troubled)).to_contain_text("You are signed out.", timeout=SAYS_WITHIN)
    troubled.get_by_role("link", name="Sign in").last.click()
    troubled.wait_for_url("**/accounts/login/?next=/channels/mira/")


def test_an_ended_session_sends_a_claim_to_the_sign_in(troubled: Page) -> None:
    troubled.goto("/inventory/")
    troubled.context.clear_cookies(name="sessionid")
    troubled.evaluate("htmx.ajax('GET', '/inventory/', {target: 'main'})")
    troubled.wait_for_url("**/accounts/login/?next=%2Finventory%2F")


def test_a_live_update_keeps_the_focus_and_tells_what_changed(troubled: Page) -> None:
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    link = troubled.locator("#drops-here h3 a").first
    link.focus()

    update(troubled)
    assert troubled.evaluate("document.activeElement.id") == link.get_attribute("id")
    troubled.locator("video").evaluate("video => video.pause()")
    expect(troubled.locator("#drops-said")).to_contain_text("The video is paused.")


def reach(page: Page, *names: str) -> None:
    """From the next update on these rewards are reached, whatever has been watched."""

    def as_reached(route: Route) -> None:
        answer = route.fetch()
        part = answer.text()
        for name in names:
            before, reward, after = part.partition(f'data-reward="{name}"')
            after = after.replace('class="reward', 'class="reward is-earned', 1)
            link = f'<a class="button" id="claim-{name[:4]}" href="/inventory/">Claim {name}</a></li>'
            part = before + reward + after.replace("</li>", link, 1)
        route.fulfill(response=answer, body=part)

    page.route("**/channels/mira/status/", as_reached)


def update(page: Page) -> None:
    """One live update, and that the page has it."""
    with page.expect_response("**/channels/mira/status/"):
        page.evaluate("document.dispatchEvent(new CustomEvent('drops:counting'))")
    expect(page.locator("#drops-here.htmx-request, #drops-here.htmx-settling")).to_have_count(0)


def test_a_reached_reward_is_announced_and_the_toast_leaves_its_button_free(troubled: Page) -> None:
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    reward = troubled.locator("#drops-here .reward").last
    name = reward.get_attribute("data-reward") or ""
    # Where the toasts are: at the end of the screen, above the navigation.
    reward.evaluate("reward => reward.scrollIntoView({block: 'end'})")
    troubled.evaluate("scrollBy(0, 100)")

    reach(troubled, name)
    update(troubled)
    expect(troubled.locator("#drops-said")).to_have_text(f"You have reached a reward: {name}")
    toast = troubled.locator(".toast", has_text=name)
    for block in ("end", "center", "start"):
        reward.evaluate("(reward, block) => reward.scrollIntoView({block})", block)
        troubled.evaluate("() => new Promise(requestAnimationFrame)")
        covering, covered = toast.bounding_box(), reward.bounding_box()
        assert covering
        assert covered
        assert (
            covering["y"] >= covered["y"] + covered["height"]
            or covering["y"] + covering["height"] <= covered["y"]
        )


def test_a_reward_that_is_reached_in_the_background_is_the_tab_s_title_until_the_tab_is_looked_at(
    troubled: Page,
) -> None:
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    name = troubled.locator("#drops-here .reward").last.get_attribute("data-reward") or ""
    troubled.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})")
    reach(troubled, name)
    update(troubled)
    expect(troubled).to_have_title(f"You have reached a reward: {name}")

    troubled.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(troubled).to_have_title("mira is live · Drops")


def test_a_live_update_replaces_nothing_that_is_there_already(troubled: Page) -> None:
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    parts = "#drops-here a, #drops-here li, #drops-here article, #stream-head h1, #stream-head a"
    there = troubled.locator(parts).evaluate_all("parts => { window.there = parts; return parts.length }")
    assert there > 4

    update(troubled)

    kept = troubled.locator(parts).evaluate_all("parts => parts.filter(part => there.includes(part)).length")
    assert kept == there


def test_the_video_and_its_notice_stay_as_they_are_when_they_are_scrolled_away(troubled: Page) -> None:
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    height = notice(troubled).bounding_box()
    troubled.locator("footer").scroll_into_view_if_needed()
    followed = troubled.locator("video").evaluate(
        """video => new Promise((settled) => {
            let moments = 0;
            video.addEventListener("pause", () => settled("paused"));
            video.addEventListener("timeupdate", () => { moments += 1; if (moments > 8) settled("played on"); });
        })"""
    )
    assert followed == "played on"

    troubled.locator("video").evaluate("video => video.pause()")
    expect(notice(troubled)).to_contain_text("The video is paused.")
    after = notice(troubled).bounding_box()
    assert height
    assert after
    assert after["height"] == height["height"]


def test_what_is_pressed_stays_until_it_is_released(troubled: Page) -> None:
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    first, second = (
        troubled.locator("#drops-here .reward").nth(place).get_attribute("data-reward") or ""
        for place in (1, 2)
    )
    reach(troubled, second)
    update(troubled)
    claim = troubled.get_by_role("link", name=f"Claim {second}")
    claim.hover()
    troubled.mouse.down()

    # An update now would put another button above this one, and move it away.
    troubled.unroute_all()
    reach(troubled, first, second)
    update(troubled)
    troubled.mouse.up()
    troubled.wait_for_url("**/inventory/")


def test_an_update_that_waited_for_a_release_comes_after_it(troubled: Page) -> None:
    troubled.goto("/channels/mira/")
    expect(notice(troubled)).to_contain_text("Counting since")
    name = troubled.locator("#drops-here .reward").last.get_attribute("data-reward") or ""
    troubled.locator("#drops-here .reward strong").first.hover()
    troubled.mouse.down()
    reach(troubled, name)
    update(troubled)
    expect(troubled.get_by_role("link", name=f"Claim {name}")).to_have_count(0)
    troubled.mouse.up()
    expect(troubled.get_by_role("link", name=f"Claim {name}")).to_be_visible()
