"""Connecting a player with an account on Drops."""

import pytest
import requests

from .conftest import Studio
from .peer import PeerDrops, new_browser


def test_a_viewer_from_drops_signs_in_connects_and_is_brought_back(studio: Studio, drops: PeerDrops):
    browser = new_browser()
    page = browser.get(
        f"{studio.url}/connect", params={"return_to": f"{drops.url}/inventory/?c=1"}, timeout=60
    )
    assert "Comes after the first step" in page.text
    page = browser.post(f"{studio.url}/sign-in", {"name": "Nova"}, timeout=60)
    assert page.url == f"{studio.url}/connect"
    assert "Connect your platform account" in page.text

    page = studio.connect(browser)

    assert (page.url, page.text) == (f"{drops.url}/inventory/?c=1", "The inventory")
    assert drops.links == {"77": {"game_account_id": "1", "display_name": "Nova"}}
    assert "Connected to <strong>mika</strong>" in studio.garage(browser)


def test_without_a_return_address_the_player_ends_in_the_garage(studio: Studio):
    browser = studio.sign_in("Nova")
    assert studio.connect(browser).url == f"{studio.url}/"


def test_the_way_back_is_used_once(studio: Studio, drops: PeerDrops):
    browser = studio.sign_in("Nova")
    browser.get(f"{studio.url}/connect", params={"return_to": f"{drops.url}/inventory/"}, timeout=60)
    assert studio.connect(browser).url == f"{drops.url}/inventory/"
    assert studio.connect(browser).url == f"{studio.url}/"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://evil.example/inventory/",
        "//evil.example/",
        "/elsewhere",
        "javascript:alert(1)",
        "{drops}.evil.example/",
        "{drops}@evil.example/",
        "{drops}\\@evil.example/",
        "{drops}0/",
        " {drops}/inventory/",
        "HTTPS://evil.example/{drops}/",
        "{drops}/inventory/\r\nSet-Cookie: a=b",
    ],
)
def test_a_return_address_that_is_not_on_drops_is_not_followed(studio: Studio, drops: PeerDrops, elsewhere):
    browser = studio.sign_in("Nova")
    elsewhere = elsewhere.format(drops=drops.url)
    page = browser.get(f"{studio.url}/connect", params={"return_to": elsewhere}, timeout=60)
    assert elsewhere not in page.text
    assert studio.connect(browser).url == f"{studio.url}/"


def test_a_callback_with_a_foreign_state_connects_nothing(studio: Studio, drops: PeerDrops):
    attacker, victim = studio.sign_in("Attacker"), studio.sign_in("Victim")
    leads_to_drops = attacker.get(f"{studio.url}/connect/start", allow_redirects=False, timeout=60)
    leads_back = requests.get(leads_to_drops.headers["Location"], allow_redirects=False, timeout=60)

    page = victim.get(leads_back.headers["Location"], timeout=60)

    assert page.status_code == 400
    assert "Nothing was connected" in page.text
    assert "Connect your platform account" in studio.garage(victim)
    assert drops.calls_to("/oauth/token") == 0


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=", "?state=x", "?code=&state=x"])
def test_a_made_up_callback_is_refused(studio: Studio, query):
    browser = studio.sign_in("Nova")
    page = browser.get(f"{studio.url}/connect/callback{query}", timeout=60)
    assert page.status_code == 400


def test_a_callback_cannot_be_used_twice(studio: Studio):
    browser = studio.sign_in("Nova")
    callback = studio.connect(browser).history[-1].url
    assert callback.startswith(f"{studio.url}/connect/callback?code=")
    assert browser.get(callback, timeout=60).status_code == 400


def test_a_stranger_is_asked_to_sign_in_first(studio: Studio, drops: PeerDrops):
    for path in ["/connect/start", "/connect/callback?code=x&state=y"]:
        assert new_browser().get(f"{studio.url}{path}", timeout=60).url == f"{studio.url}/connect"
    assert drops.calls == []


def test_many_unfinished_attempts_do_not_break_the_next_one(studio: Studio):
    browser = studio.sign_in("Nova")
    for _ in range(30):
        browser.get(f"{studio.url}/connect/start", allow_redirects=False, timeout=60)
    assert len(browser.cookies["skyforge_session"]) < 4000  # browsers drop a cookie of 4096 bytes
    assert studio.connect(browser).url == f"{studio.url}/"
    assert "Connected to" in studio.garage(browser)


def test_who_says_no_on_drops_is_told_that_nothing_happened(studio: Studio, drops: PeerDrops):
    drops.denies_consent = True
    browser = studio.sign_in("Nova")
    page = studio.connect(browser)
    assert page.status_code == 403
    assert "You did not allow it" in page.text
    assert "Connected to" not in studio.garage(browser)


@pytest.mark.parametrize("path", ["/oauth/token", "/public/v1/users"])
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_a_drops_that_answers_nonsense_connects_nothing(studio: Studio, drops: PeerDrops, path, status):
    drops.answers[path] = status
    browser = studio.sign_in("Nova")
    page = studio.connect(browser)
    assert page.status_code == 502
    assert "Connected to" not in studio.garage(browser)


@pytest.mark.parametrize("status", [401, 404, 405, 409, 500, 501])
def test_the_connection_holds_though_drops_does_not_take_the_name(studio: Studio, drops: PeerDrops, status):
    drops.answers["/public/v1/drops/links/77"] = status
    browser = studio.sign_in("Nova")
    assert studio.connect(browser).url == f"{studio.url}/"
    assert "Connected to <strong>mika</strong>" in studio.garage(browser)


def test_connecting_the_same_two_again_is_fine(studio: Studio, drops: PeerDrops):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    assert studio.connect(browser).ok
    assert drops.revoked == []


def test_a_second_player_of_one_drops_account_is_refused(studio: Studio, drops: PeerDrops):
    studio.connect(studio.sign_in("Nova"))
    second = studio.sign_in("Echo")
    page = studio.connect(second)
    assert page.status_code == 409
    assert "mika is connected to another player" in page.text
    assert "Connected to" not in studio.garage(second)
    assert drops.revoked == []  # it is the token of a connection that holds


def test_a_second_drops_account_of_one_player_is_refused_and_its_token_given_back(
    studio: Studio, drops: PeerDrops
):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    drops.viewer = {**drops.viewer, "user_id": 78, "name": "other"}
    page = studio.connect(browser)
    assert page.status_code == 409
    assert "Nova is connected to mika" in page.text
    assert len(drops.revoked) == 1
    assert "Connected to <strong>mika</strong>" in studio.garage(browser)


def test_after_disconnecting_another_player_may_connect(studio: Studio):
    first, second = studio.sign_in("Nova"), studio.sign_in("Echo")
    studio.connect(first)
    assert first.post(f"{studio.url}/disconnect", timeout=60).ok
    assert studio.connect(second).ok
    assert "Connected to <strong>mika</strong>" in studio.garage(second)
    assert "Connected to" not in studio.garage(first)


def test_signing_in_leads_to_what_is_left_to_do(studio: Studio, drops: PeerDrops):
    def lands_on(browser: requests.Session) -> str:
        return browser.post(f"{studio.url}/sign-in", {"name": "Nova"}, timeout=60).url

    browser = new_browser()
    assert lands_on(browser) == f"{studio.url}/connect"
    studio.connect(browser)
    assert lands_on(new_browser()) == f"{studio.url}/"
    from_drops = new_browser()
    from_drops.get(f"{studio.url}/connect", params={"return_to": f"{drops.url}/inventory/"}, timeout=60)
    assert lands_on(from_drops) == f"{studio.url}/connect"


@pytest.mark.parametrize("name", ["", "ab", "a" * 21, "two words", "<script>", "ünï", "a\x00b"])
def test_a_name_that_no_player_may_have_is_refused_with_the_rule(studio: Studio, name):
    page = new_browser().post(f"{studio.url}/sign-in", {"name": name}, timeout=60)
    assert page.status_code == 400
    assert "3 to 20 characters" in page.text


def test_names_do_not_differ_by_case_alone(studio: Studio):
    studio.connect(studio.sign_in("Nova"))
    assert "Connected to" in studio.garage(studio.sign_in("nOVA"))


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/disconnect"])
def test_forms_of_other_sites_are_refused(studio: Studio, path):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    for origin in ["http://evil.example", "null"]:
        headers = {"Origin": origin}
        page = browser.post(f"{studio.url}{path}", {"name": "Evil"}, headers=headers, timeout=60)
        assert page.status_code == 403
    assert "Connected to <strong>mika</strong>" in studio.garage(browser)


def test_pages_allow_no_inline_script_or_style(studio: Studio):
    browser = studio.sign_in("Nova")
    for path in ["/", "/connect", "/no-such-page"]:
        page = browser.get(f"{studio.url}{path}", timeout=60)
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "style=" not in page.text
        assert "<style" not in page.text
        assert "<script>" not in page.text


def test_what_drops_says_is_shown_as_text(studio: Studio, drops: PeerDrops):
    drops.viewer = {**drops.viewer, "name": "<img src=x>"}
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    assert "&lt;img src=x&gt;" in studio.garage(browser)
    assert "<img src=x>" not in studio.garage(browser)
