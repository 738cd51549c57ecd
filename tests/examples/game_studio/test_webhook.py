"""The claim webhook, and what follows from it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from .conftest import Studio, eventually
from .peer import PeerDrops, new_key

CLAIM = {
    "claim_id": "01K0TDDR08Q5ZNWXK92VRXD7GW",
    "user_id": 77,
    "campaign_id": "01JAXK8N4QWRTY5PM7ZEBVJDS8",
    "reward_id": "01JAXK8N4QWRTY5PM7ZEBVGH2S",
    "external_id": "skyforge-comet-trail",
}


def claim(number: int, **changes: object) -> dict[str, object]:
    return {**CLAIM, "claim_id": f"01K0TDDR08Q5ZNWXK92V{number:06}", **changes}


def test_a_claim_reaches_its_player_and_drops_hears_of_it(studio: Studio, drops: PeerDrops):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    answer = studio.deliver(drops.webhook(CLAIM))
    assert (answer.status_code, answer.json()) == (200, {"status": "kept"})
    assert "Comet trail" in studio.garage(browser)
    assert CLAIM["claim_id"] in studio.garage(browser)
    eventually(lambda: drops.statuses == {CLAIM["claim_id"]: "delivered"}, "Drops has heard of the delivery")
    eventually(lambda: 'data-status="delivered"' in studio.garage(browser), "the page says delivered")


def test_nobody_else_sees_it(studio: Studio, drops: PeerDrops):
    studio.connect(studio.sign_in("Nova"))
    studio.deliver(drops.webhook(CLAIM))
    assert CLAIM["claim_id"] not in studio.garage(studio.sign_in("Echo"))


@pytest.mark.parametrize(
    ("external_id", "shown"),
    [
        ("skyforge-aurora-livery", "Aurora livery"),
        ("not-in-the-game-yet", "Reward not-in-the-game-yet"),
        (None, f"Reward {CLAIM['reward_id']}"),
    ],
)
def test_an_item_is_named_by_the_external_id(studio: Studio, drops: PeerDrops, external_id, shown):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    sent = {**CLAIM, "external_id": external_id} if external_id else dict(list(CLAIM.items())[:-1])
    assert studio.deliver(drops.webhook(sent)).status_code == 200
    assert shown in studio.garage(browser)


def test_a_claim_of_a_user_who_is_not_connected_waits_for_them(studio: Studio, drops: PeerDrops):
    assert studio.deliver(drops.webhook(CLAIM)).status_code == 200
    browser = studio.sign_in("Nova")
    assert CLAIM["claim_id"] not in studio.garage(browser)
    assert drops.statuses == {}  # nobody has it yet, so it is not called delivered
    studio.connect(browser)
    assert "Comet trail" in studio.garage(browser)
    eventually(lambda: drops.statuses == {CLAIM["claim_id"]: "delivered"}, "Drops has heard of the delivery")


def test_an_item_stays_with_the_player_who_got_it(studio: Studio, drops: PeerDrops):
    first, second = studio.sign_in("Nova"), studio.sign_in("Echo")
    studio.connect(first)
    studio.deliver(drops.webhook(claim(1)))
    first.post(f"{studio.url}/disconnect", timeout=60)
    studio.deliver(drops.webhook(claim(2)))
    studio.connect(second)
    assert claim(1)["claim_id"] in studio.garage(first)
    assert claim(2)["claim_id"] not in studio.garage(first)
    assert claim(1)["claim_id"] not in studio.garage(second)
    assert claim(2)["claim_id"] in studio.garage(second)


def test_a_repeat_is_answered_200_and_changes_nothing(studio: Studio, drops: PeerDrops):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    webhook = drops.webhook(CLAIM)
    assert studio.deliver(webhook).json() == {"status": "kept"}
    for again in [webhook, drops.webhook(CLAIM), drops.webhook(CLAIM, message_id="01JOTHER")]:
        answer = studio.deliver(again)
        assert (answer.status_code, answer.json()) == (200, {"status": "was here already"})
    assert studio.garage(browser).count("data-claim-id=") == 1


def test_twenty_posts_of_one_claim_at_once_keep_it_once(studio: Studio, drops: PeerDrops):
    studio.restart()  # no key is cached
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    webhook = drops.webhook(CLAIM)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: studio.deliver(webhook), range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert sorted(answer.json()["status"] for answer in answers) == ["kept"] + ["was here already"] * 19
    assert studio.garage(browser).count("data-claim-id=") == 1
    assert drops.calls_to("/public/v1/public-key") == 1


def test_what_drops_did_not_sign_is_refused(studio: Studio, drops: PeerDrops):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    forged = drops.webhook(CLAIM, key=new_key())
    altered = drops.webhook(CLAIM)
    altered["data"] = altered["data"].replace(b"77", b"78")
    renamed = drops.webhook(CLAIM)
    renamed["headers"]["Kick-Event-Message-ID"] = "01JOTHER"
    for webhook in [forged, altered, renamed]:
        answer = studio.deliver(webhook)
        assert (answer.status_code, answer.json()) == (
            401,
            {"error": "The signature does not fit the message."},
        )
    assert "data-claim-id" not in studio.garage(browser)


def test_an_old_timestamp_cannot_be_made_young(studio: Studio, drops: PeerDrops):
    webhook = drops.webhook(CLAIM, age=timedelta(minutes=6))
    webhook["headers"]["Kick-Event-Message-Timestamp"] = drops.webhook(CLAIM)["headers"][
        "Kick-Event-Timestamp"
    ]
    assert studio.deliver(webhook).status_code == 401


@pytest.mark.parametrize(("minutes", "status"), [(6, 401), (-6, 401), (4, 200), (-4, 200)])
def test_messages_of_another_time_are_refused(studio: Studio, drops: PeerDrops, minutes, status):
    answer = studio.deliver(drops.webhook(CLAIM, age=timedelta(minutes=minutes)))
    assert answer.status_code == status
    if status == 401:
        assert "clock" in answer.json()["error"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Kick-Event-Message-ID", None),
        ("Kick-Event-Message-Timestamp", None),
        ("Kick-Event-Signature", None),
        ("Kick-Event-Message-Timestamp", "yesterday"),
        ("Kick-Event-Message-Timestamp", "2026-11-22"),
        ("Kick-Event-Message-Timestamp", "9999-12-31T23:59:59"),
        ("Kick-Event-Signature", "not base64"),
        ("Kick-Event-Signature", "ä".encode("latin-1")),
    ],
)
def test_headers_that_cannot_be_read_are_refused_with_the_reason(studio: Studio, drops, header, value):
    webhook = drops.webhook(CLAIM)
    webhook["headers"][header] = value
    answer = studio.deliver(webhook)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        *({**CLAIM, "user_id": bad} for bad in ["77", 0, -1, 2**64, True, 7.5, None]),
        {**CLAIM, "claim_id": ""},
        {**CLAIM, "claim_id": 5},
        {**CLAIM, "reward_id": None},
        {**CLAIM, "external_id": ["x"]},
    ],
)
def test_a_signed_body_that_is_no_claim_is_refused_with_the_reason(studio: Studio, drops: PeerDrops, body):
    answer = studio.deliver(drops.webhook(body))
    assert answer.status_code == 400
    assert "claim cannot be read" in answer.json()["error"]


def test_the_largest_user_id_fits(studio: Studio, drops: PeerDrops):
    drops.viewer = {**drops.viewer, "user_id": 2**64 - 1}
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    assert studio.deliver(drops.webhook({**CLAIM, "user_id": 2**64 - 1})).status_code == 200
    assert CLAIM["claim_id"] in studio.garage(browser)


def test_a_huge_body_is_refused(studio: Studio, drops: PeerDrops):
    assert studio.deliver(drops.webhook(b"x" * 100_000)).status_code == 413


def test_other_events_are_ignored_but_only_when_signed(studio: Studio, drops: PeerDrops):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    answer = studio.deliver(drops.webhook(CLAIM, event_type="drops.endpoint.test"))
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    forged = drops.webhook(CLAIM, event_type="drops.endpoint.test", key=new_key())
    assert studio.deliver(forged).status_code == 401
    assert "data-claim-id" not in studio.garage(browser)


def test_a_new_key_is_taken_up_though_the_old_one_is_cached(studio: Studio, drops: PeerDrops):
    studio.restart()  # no key is cached
    assert studio.deliver(drops.webhook(claim(1))).status_code == 200
    assert studio.deliver(drops.webhook(claim(2))).status_code == 200
    assert drops.calls_to("/public/v1/public-key") == 1
    old_key, drops.signing_key = drops.signing_key, new_key()
    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda number: studio.deliver(drops.webhook(claim(number))), range(3, 13))
        assert [answer.status_code for answer in answers] == [200] * 10
    assert drops.calls_to("/public/v1/public-key") == 2
    assert studio.deliver(drops.webhook(claim(20), key=old_key)).status_code == 401


def test_a_flood_of_forgeries_asks_drops_for_its_key_once(studio: Studio, drops: PeerDrops):
    studio.restart()  # no key is cached
    assert studio.deliver(drops.webhook(claim(1))).status_code == 200
    forged = drops.webhook(claim(2), key=new_key())
    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda _: studio.deliver(forged), range(40))
        assert {answer.status_code for answer in answers} == {401}
    assert drops.calls_to("/public/v1/public-key") == 2
    assert studio.deliver(drops.webhook(claim(3))).status_code == 200


def test_while_the_key_cannot_be_had_drops_is_asked_to_send_again(studio: Studio, drops: PeerDrops):
    studio.restart()  # no key is cached
    drops.answers["/public/v1/public-key"] = 500
    answer = studio.deliver(drops.webhook(CLAIM))
    assert answer.status_code == 503
    assert "Send this again" in answer.json()["error"]
    del drops.answers["/public/v1/public-key"]
    assert studio.deliver(drops.webhook(CLAIM)).json() == {"status": "kept"}


@pytest.mark.parametrize(
    ("failing", "status"),
    [
        ("/public/v1/drops/claims", 401),
        ("/public/v1/drops/claims", 429),
        ("/oauth/token", 401),
        ("/oauth/token", 500),
    ],
)
def test_drops_is_told_again_when_it_could_not_hear(studio: Studio, drops: PeerDrops, failing, status):
    studio.connect(studio.sign_in("Nova"))
    drops.forget_tokens()
    drops.answers[failing] = status
    assert studio.deliver(drops.webhook(CLAIM)).status_code == 200
    eventually(lambda: drops.calls_to("/public/v1/drops/claims"), "the studio has tried to tell")
    assert drops.statuses == {}
    drops.answers.clear()
    eventually(lambda: drops.statuses == {CLAIM["claim_id"]: "delivered"}, "Drops has heard of the delivery")


def test_one_claim_that_drops_refuses_does_not_hold_up_the_others(studio: Studio, drops: PeerDrops):
    drops.unknown_claims = {"01K0TDDR08Q5ZNWXK92V000002"}
    for number in [1, 2, 3]:
        studio.deliver(drops.webhook(claim(number)))
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    others = {claim(number)["claim_id"]: "delivered" for number in [1, 3]}
    eventually(lambda: drops.statuses == others, "Drops has heard of the others")
    eventually(lambda: "Drops does not know this claim" in studio.garage(browser), "the page says so")


def test_a_token_that_drops_has_forgotten_is_replaced(studio: Studio, drops: PeerDrops):
    studio.connect(studio.sign_in("Nova"))
    drops.forget_tokens()
    assert studio.deliver(drops.webhook(CLAIM)).status_code == 200
    eventually(lambda: drops.statuses == {CLAIM["claim_id"]: "delivered"}, "Drops has heard of the delivery")


def test_many_claims_are_told_a_hundred_at_a_time(studio: Studio, drops: PeerDrops):
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: studio.deliver(drops.webhook(claim(number))), range(130))
        assert {answer.status_code for answer in answers} == {200}
    studio.connect(studio.sign_in("Nova"))
    eventually(lambda: len(drops.statuses) == 130, "Drops has heard of all")
    assert drops.batches == [100, 30]


def test_killed_after_its_answer_the_studio_has_lost_nothing(studio: Studio, drops: PeerDrops):
    browser = studio.sign_in("Nova")
    studio.connect(browser)
    drops.answers["/public/v1/drops/claims"] = 500
    assert studio.deliver(drops.webhook(CLAIM)).status_code == 200
    studio.kill()
    drops.answers.clear()
    studio.start()
    assert CLAIM["claim_id"] in studio.garage(browser)
    eventually(lambda: drops.statuses == {CLAIM["claim_id"]: "delivered"}, "Drops has heard of the delivery")
