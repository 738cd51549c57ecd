"""The form of a campaign, filled in with the keyboard, in a browser that is elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import sign_in_with_code
from tests.running import Site


@pytest.fixture
def owner(browser: Browser, site: Site) -> Iterator[Page]:
    """nora in Berlin."""
    problems: list[str] = []
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": 1280, "height": 900},
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("response", lambda answer: problems.append(answer.url) if answer.status >= 500 else None)
    sign_in_with_code(page, site, "nora")
    yield page
    context.close()
    assert problems == []


def type_moment(page: Page, label: str, value: str) -> None:
    """The keys of a picker are those of the machine's own language: its value is what they make."""
    field = page.get_by_label(label, exact=True)
    field.focus()
    field.fill(value)


def test_a_campaign_is_planned_with_the_keyboard_alone(owner: Page) -> None:
    owner.goto("/dashboard/campaigns/add/")
    expect(owner.get_by_text("Times are those of Europe/Berlin.")).to_be_visible()
    line = owner.get_by_role("list", name="The dates of the campaign")
    owner.get_by_label("Name", exact=True).focus()
    owner.keyboard.type("By keyboard")

    # An hour that clocks skip is explained while it is typed, and one that they show twice is asked about.
    type_moment(owner, "Start", "2027-03-28T02:30")
    expect(owner.locator("#beside-starts_at")).to_contain_text("Choose 01:30 or 03:30.")
    type_moment(owner, "Start", "2027-10-20T18:00")
    expect(owner.locator("#beside-starts_at")).to_have_text("= 20 Oct 2027, 16:00 UTC")
    type_moment(owner, "End", "2027-10-31T02:30")
    question = owner.get_by_role("radiogroup", name="Which of the two?")
    expect(question.get_by_role("radio")).to_have_count(2)
    expect(line).to_contain_text("not known yet")
    question.get_by_role("radio").first.focus()
    owner.keyboard.press("ArrowDown")
    expect(line).to_contain_text("31 Oct 2027, 02:30 CET")
    expect(line).to_contain_text("31 Oct 2027, 01:30 UTC")
    announced = owner.get_by_label("Announced", exact=True)
    announced.focus()
    owner.keyboard.press("ArrowUp")
    expect(line).to_contain_text("16 Oct 2027, 18:00 CEST")

    # Another zone for this form: what was typed is read in it, and the focus stays.
    owner.get_by_text("Another time zone").focus()
    owner.keyboard.press("Enter")
    zone = owner.get_by_label("Time zone")
    zone.focus()
    zone.select_option("Asia/Kathmandu")
    expect(line).to_contain_text("20 Oct 2027, 18:00 UTC+05:45")
    expect(zone).to_be_focused()
    zone.select_option("Europe/Berlin")
    expect(line).to_contain_text("20 Oct 2027, 18:00 CEST")
    question.get_by_role("radio").first.check()

    # Two rewards, the second moved before the first.
    owner.get_by_role("button", name="Add another reward").focus()
    owner.keyboard.press("Enter")
    rewards, minutes = owner.get_by_label("Reward", exact=True), owner.get_by_label("Minutes", exact=True)
    names = []
    for row, length in ((0, "60"), (1, "30")):
        rewards.nth(row).focus()
        rewards.nth(row).select_option(index=row + 1)
        names.append(rewards.nth(row).locator("option:checked").inner_text())
        minutes.nth(row).focus()
        owner.keyboard.type(length)
    up = owner.get_by_role("button", name="Move up").nth(1)
    up.focus()
    owner.keyboard.press("Enter")
    expect(minutes.nth(0)).to_have_value("30")
    expect(owner.get_by_text("New place: 1")).to_be_attached()

    # A channel: suggested by how it begins, and added by Enter, which does not send the form.
    channel = owner.get_by_label("Add a channel")
    channel.focus()
    owner.keyboard.type("@")
    owner.keyboard.press("Enter")
    expect(owner.get_by_label("Allow-list")).to_have_value("@")
    owner.get_by_label("Allow-list").fill("")

    owner.get_by_label("Name", exact=True).focus()
    owner.keyboard.press("Enter")
    expect(owner.get_by_role("heading", name="By keyboard")).to_be_visible()
    dates = owner.get_by_role("list", name="The dates of the campaign")
    expect(dates).to_contain_text(re.compile("20 Oct 2027, 18:00 CEST.*20 Oct 2027, 16:00 UTC"))
    expect(dates).to_contain_text("31 Oct 2027, 02:30 CEST")
    table = owner.get_by_role("table", name="Rewards and how many viewers earned and claimed them")
    expect(table.get_by_role("row").nth(1)).to_contain_text(names[1])
    expect(table.get_by_role("row").nth(2)).to_contain_text(names[0])


def test_a_row_is_dragged_to_its_place(owner: Page) -> None:
    owner.goto("/dashboard/campaigns/?phase=live")
    owner.get_by_role("cell").get_by_role("link").first.click()
    owner.get_by_role("link", name="Edit", exact=True).click()
    rows = owner.locator(".dash-reward")
    minutes = owner.get_by_label("Minutes", exact=True)
    first = minutes.first.input_value()
    assert rows.count() > 2
    rows.first.drag_to(rows.nth(1), source_position={"x": 5, "y": 5}, target_position={"x": 5, "y": 60})
    expect(minutes.nth(1)).to_have_value(first)
    positions = owner.locator(".dash-rows [name$='-position']")
    values = [positions.nth(at).input_value() for at in range(2)]
    assert values == ["1", "2"]
