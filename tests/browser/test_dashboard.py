"""The owners' dashboard, where a script does what no test of the server sees."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Dialog, Page, expect

from tests.browser.people import sign_in_with_code
from tests.running import Site


@pytest.fixture
def owner(page: Page, site: Site) -> Page:
    """The browser of nora, who owns the demo's studio, with her second factor."""
    sign_in_with_code(page, site, "nora")
    return page


def test_a_form_that_was_filled_in_is_not_left_without_a_question(owner: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    owner.on("dialog", stay)
    name, away = (
        owner.get_by_label("Name"),
        owner.get_by_role("navigation", name="Breadcrumb").get_by_role("link"),
    )

    owner.goto("/dashboard/rewards/add/")
    away.click()
    owner.wait_for_url("**/dashboard/rewards/")
    assert asked == []

    owner.goto("/dashboard/rewards/add/")
    name.fill("Half a reward")
    away.click()
    expect(name).to_have_value("Half a reward")
    assert asked == ["beforeunload"]

    # Neither saving nor giving up is leaving by mistake.
    name.fill("")
    owner.get_by_role("button", name="Create").click()
    expect(owner.get_by_text("Nothing was saved.")).to_be_visible()
    owner.get_by_role("link", name="Cancel").click()
    owner.wait_for_url("**/dashboard/rewards/")
    assert asked == ["beforeunload"]


def test_next_weeks_campaign_takes_three_clicks(owner: Page) -> None:
    owner.goto("/dashboard/campaigns/?phase=live")
    name = owner.get_by_role("cell").get_by_role("link").first
    campaign = name.inner_text()
    name.click()
    for role, label in (("link", "Copy"), ("button", "Create the copy"), ("button", "Publish")):
        owner.get_by_role(role, name=label, exact=True).click()  # type: ignore[arg-type]
    expect(owner.get_by_text(f"“{campaign}” was published.")).to_be_visible()
    expect(owner.get_by_role("heading", name=campaign)).to_be_visible()


def test_a_campaign_in_test_mode_is_rehearsed_with_one_click(owner: Page) -> None:
    owner.goto("/dashboard/campaigns/?phase=draft")
    owner.get_by_role("cell").get_by_role("link").first.click()
    owner.get_by_role("link", name="Edit", exact=True).click()
    owner.get_by_label("Test mode").check()
    owner.get_by_role("button", name="Save").click()

    owner.get_by_role("button", name="Rehearse").click()
    part = owner.locator("#rehearsal-now")
    expect(part.get_by_text("No game account is connected.")).to_be_visible()
    owner.get_by_label("Go on without a game account").check()
    owner.get_by_role("button", name="Rehearse again").click()
    expect(part.get_by_text("Left out: the rehearsal goes on without a game account.")).to_be_visible()
    # The example studio answers a user that it does not know.
    expect(part.get_by_text("The reward was claimed.")).to_be_visible()
    expect(part.get_by_text("Rehearsal, attempt 1")).to_be_visible()


def test_the_square_of_a_picture_is_chosen_by_mouse_and_by_keyboard(owner: Page, tmp_path: Path) -> None:
    image = Image.new("RGB", (1200, 400), "green")
    image.paste("red", (0, 0, 400, 400))
    image.paste("blue", (800, 0, 1200, 400))
    image.save(tmp_path / "banner.png")
    owner.goto("/dashboard/rewards/add/")
    owner.locator("input[type=file]").set_input_files(tmp_path / "banner.png")
    square = owner.locator("[name$=-square]")
    expect(square).to_have_value("5000,5000,10000")

    frame = owner.get_by_role("img", name="The picture, with the part that is kept")
    frame.evaluate(
        "element => element.scrollIntoView({block: 'center'})"
    )  # above the bar that stays in sight
    box = frame.bounding_box()
    assert box
    owner.mouse.move(box["x"] + 200, box["y"] + 50)
    owner.mouse.down()
    owner.mouse.move(box["x"] + 460, box["y"] + 50, steps=4)
    owner.mouse.up()
    expect(square).to_have_value("10000,5000,10000")
    owner.get_by_label("Left to right").focus()
    owner.keyboard.press("Home")
    expect(square).to_have_value("0,5000,10000")
    owner.get_by_label("Size").focus()
    owner.keyboard.press("Home")
    expect(square).to_have_value("0,5000,6400")  # 256 pixels, and no fewer

    owner.get_by_label("Name").fill("Banner")
    owner.get_by_label("Category").select_option(index=1)
    owner.get_by_role("button", name="Create").click()
    address = owner.get_by_alt_text("The current picture").get_attribute("src")
    kept = Image.open(BytesIO(owner.request.get(str(address)).body())).convert("RGB")
    assert kept.size == (256, 256)
    assert kept.getpixel((128, 128)) == pytest.approx((255, 0, 0), abs=12)
