import json
from itertools import count

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client

from accounts.domain import links
from accounts.models import OAuthApp, User, new_ulid
from drops.models import Campaign, Reward
from fulfillment.models import Claim, Delivery
from tests import factories
from tests.api import bearer

CLAIM = "/api/v1/drops/claim"


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(factories.NOW, tick=False):
        yield


@pytest.fixture
def player(viewer: User, studio_app: OAuthApp, linked) -> Client:
    """The viewer, linked, by an access token; nothing is earned yet."""
    return bearer(studio_app, user=viewer, scope="drops:claim")


def claim(client: Client, campaign: Campaign, reward: Reward, **headers: str):
    body = {"reward_id": reward.id, "campaign_id": campaign.id}
    return client.post(CLAIM, body, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_a_claim_costs_few_statements(
    player: Client, campaign, reward, earned, endpoint, receiver, django_assert_num_queries
) -> None:
    """The token, what the claim depends on, the signing keys; its id, the same again under the lock, row, endpoints,
    their room, delivery; the delivery's end, attempt, and the claim's arrival. And two transactions, savepoints here.
    On SQLite hours are statements of their own."""
    hours = 0 if connection.vendor == "postgresql" else 2
    with django_assert_num_queries(3 + 6 + 3 + hours + 4):
        assert claim(player, campaign, reward).status_code == 200
    assert len(receiver.received) == 1


@pytest.mark.django_db(transaction=True)
def test_a_claim_and_its_repeat_have_the_same_answer(player: Client, campaign, reward, earned) -> None:
    first, second = claim(player, campaign, reward), claim(player, campaign, reward)
    assert first.status_code == second.status_code == 200
    made = Claim.objects.get()
    assert first.json() == second.json() == {"message": "Success", "data": {"id": made.id}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("for_how_long", ["one statement", "all from then on"])
def test_whichever_statement_the_database_refuses_the_viewer_is_told_yes_or_when_to_try_again(
    player: Client, campaign, reward, earned, endpoint, receiver, for_how_long: str
) -> None:
    """As SQLite does when others have written for too long, and PostgreSQL while it restarts."""
    player.raise_request_exception = False
    told = []
    for refused in count(1):
        asked = 0

        def refuse(execute, sql, params, many, context, refused=refused):
            nonlocal asked
            asked += 1
            if asked == refused or (asked > refused and for_how_long == "all from then on"):
                raise OperationalError("database is locked")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(refuse):
            answer = claim(player, campaign, reward)
        if asked < refused:
            break
        told.append((answer.status_code, int(answer.headers.get("Retry-After", 0)) > 0))
        assert claim(player, campaign, reward).status_code == 200
        assert Claim.objects.count() == 1
        Delivery.objects.all().delete()
        Claim.objects.all().delete()
    assert set(told) == {(200, False), (503, True)}, told


@pytest.mark.django_db(transaction=True)
def test_the_session_of_the_site_will_do(viewer: User, linked, campaign, reward, earned) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(viewer)
    assert claim(browser, campaign, reward).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_site_cannot_claim_with_the_session(
    viewer: User, linked, campaign, reward, earned, headers: dict[str, str]
) -> None:
    browser = Client()
    browser.force_login(viewer)
    assert claim(browser, campaign, reward, **headers).status_code == 403
    assert not Claim.objects.exists()


def test_not_linked_says_where_to_connect(
    viewer: User, studio_app: OAuthApp, campaign, reward, earned
) -> None:
    response = claim(bearer(studio_app, user=viewer, scope="drops:claim"), campaign, reward)
    assert response.status_code == 400
    body = response.json()
    assert body.keys() == {"message", "error", "connect_url"}
    assert body["error"] == "INVALID_CLAIM"
    assert body["connect_url"].startswith("https://studio.example.com/connect?return_to=http")


def test_other_refusals_have_a_code_and_no_address(player: Client, campaign, reward) -> None:
    response = claim(player, campaign, reward)
    assert response.status_code == 400
    assert response.json() == {
        "message": "Watch 60 more minutes to earn this reward.",
        "error": "NOT_ENOUGH_MINUTES",
    }


def test_a_game_account_that_has_claimed_is_an_invalid_claim(
    player: Client, linked, campaign, reward, earned
) -> None:
    linked.game_account_id = "p-77"
    linked.save()
    factories.ClaimFactory(campaign=campaign, reward=reward, game_account_id="p-77")
    response = claim(player, campaign, reward)
    assert response.status_code == 400
    assert response.json() == {
        "message": "This game account has already claimed the reward through another account of this site.",
        "error": "INVALID_CLAIM",
    }


def test_no_error_looks_like_a_success(player: Client, viewer: User, studio_app, campaign, reward) -> None:
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
    other = factories.RewardFactory()
    answers = [
        claim(player, campaign, other),
        claim(Client(), campaign, reward),
        claim(bearer(studio_app), campaign, reward),
        player.post(CLAIM, "{", content_type="application/json"),
        player.post(CLAIM, {"reward_id": 1, "campaign_id": 2}, content_type="application/json"),
        player.post(CLAIM, {"reward_id": "x", "campaign_id": "y"}, content_type="application/json"),
        player.post(CLAIM, json.dumps([]), content_type="application/json"),
        player.post(
            CLAIM, {"reward_id": reward.id, "campaign_id": new_ulid()}, content_type="application/json"
        ),
        player.get(CLAIM),
    ]
    assert [answer.status_code for answer in answers] == [400, 401, 403, 400, 400, 404, 400, 404, 405]
    for answer in answers:
        assert "success" not in answer.content.decode().lower()
        assert answer.json().get("data") is None


def test_a_draft_is_not_there(player: Client, campaign, reward, earned) -> None:
    Campaign.objects.update(published_at=None)
    assert claim(player, campaign, reward).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_it_counts_who_the_token_speaks_for(
    stranger: User, viewer: User, studio_app: OAuthApp, linked, campaign, reward, earned
) -> None:
    """Earned by the viewer, asked for by a stranger who is linked too."""
    links.link(viewer=stranger, app=studio_app, now=factories.NOW)
    response = claim(bearer(studio_app, user=stranger, scope="drops:claim"), campaign, reward)
    assert response.json()["error"] == "NOT_ENOUGH_MINUTES"
