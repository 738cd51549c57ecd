"""A game account takes a reward once, whatever viewers it was linked with."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.domain import links
from accounts.domain.users import delete_account
from accounts.models import OAuthApp, User
from drops.models import Campaign, Reward
from fulfillment.domain.claims.claiming import ClaimRefused, claim_reward
from fulfillment.domain.claims.inventory import inventory
from fulfillment.models import Claim
from tests import factories
from tests.fulfillment.domain.claims.test_races import wait_until_somebody_waits

pytestmark = pytest.mark.django_db

CLAIMED_BEFORE = "This game account has already claimed the reward through another account of this site."


def connect(viewer: User, app: OAuthApp, account: str = "p-77", *, now) -> None:
    links.link(viewer=viewer, app=app, now=now)
    if account:
        name(viewer, app, account, now=now)


def name(viewer: User, app: OAuthApp, account: str, *, now) -> None:
    links.name_game_account(viewer_id=viewer.pk, app=app, account_id=account, name="", now=now)


def claim(viewer: User, campaign: Campaign, reward: Reward, *, now) -> Claim:
    return claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)


def refusal(*asked, now) -> ClaimRefused:
    with pytest.raises(ClaimRefused) as raised:
        claim(*asked, now=now)
    return raised.value


@pytest.fixture
def second(campaign: Campaign) -> User:
    """Another viewer who has earned the reward."""
    viewer = factories.UserFactory(username="second")
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
    return viewer


@pytest.mark.parametrize("end", ["unlinked", "deleted"])
def test_a_game_account_does_not_claim_again_through_another_viewer(
    viewer, second, studio, studio_app, campaign, reward, earned, now, end
):
    connect(viewer, studio_app, now=now)
    assert claim(viewer, campaign, reward, now=now).game_account_id == "p-77"
    if end == "unlinked":
        links.unlink(viewer=viewer, organization=studio, now=now)
    else:
        delete_account(user=viewer, now=now)
    connect(second, studio_app, now=now)

    refused = refusal(second, campaign, reward, now=now)
    assert (refused.code, refused.message) == ("game_account_has_claimed", CLAIMED_BEFORE)
    assert Claim.objects.count() == 1


def test_the_inventory_offers_what_the_game_account_has_not_claimed(
    viewer, second, studio, studio_app, campaign, reward, earned, now
):
    other = factories.CampaignRewardFactory(campaign=campaign, required_minutes=30).reward
    connect(viewer, studio_app, now=now)
    claim(viewer, campaign, reward, now=now)
    links.unlink(viewer=viewer, organization=studio, now=now)
    connect(second, studio_app, now=now)

    to_claim, claimed = inventory(viewer=second, now=now).ready
    assert ([threshold.reward for threshold in to_claim.thresholds], to_claim.refused) == ([other], None)
    assert [threshold.reward for threshold in claimed.thresholds] == [reward]
    assert claimed.refused.message == CLAIMED_BEFORE
    assert claim(second, campaign, other, now=now)


def test_another_game_account_and_studios_that_name_none_claim_as_before(
    viewer, second, studio, studio_app, campaign, reward, earned, now
):
    connect(viewer, studio_app, now=now)
    claim(viewer, campaign, reward, now=now)
    connect(second, studio_app, "p-78", now=now)
    claim(second, campaign, reward, now=now)
    for _ in range(2):
        unnamed = factories.UserFactory()
        factories.ProgressFactory(viewer=unnamed, campaign=campaign, seconds=3600)
        connect(unnamed, studio_app, "", now=now)
        assert claim(unnamed, campaign, reward, now=now).game_account_id == ""


def test_the_account_id_of_another_studio_is_another_account(
    viewer, second, studio_app, rival_studio, rival_app, campaign, reward, earned, now
):
    theirs = factories.CampaignRewardFactory(campaign__organization=rival_studio, required_minutes=1)
    factories.ProgressFactory(viewer=second, campaign=theirs.campaign, seconds=3600)
    connect(viewer, studio_app, now=now)
    claim(viewer, campaign, reward, now=now)
    connect(second, rival_app, now=now)

    assert claim(second, theirs.campaign, theirs.reward, now=now)


@pytest.mark.parametrize("linked_again", [False, True])
def test_a_game_account_that_is_named_after_the_claim_has_claimed(
    viewer, second, studio, studio_app, campaign, reward, earned, now, linked_again
):
    """Also where the viewer took the link back in between: the studio knows this one account of the viewer."""
    connect(viewer, studio_app, "", now=now)
    made = claim(viewer, campaign, reward, now=now)
    if linked_again:
        links.unlink(viewer=viewer, organization=studio, now=now)
        connect(viewer, studio_app, "", now=now)
    name(viewer, studio_app, "p-77", now=now)
    made.refresh_from_db()
    assert made.game_account_id == "p-77"

    links.unlink(viewer=viewer, organization=studio, now=now)
    connect(second, studio_app, now=now)
    assert refusal(second, campaign, reward, now=now).message == CLAIMED_BEFORE


def test_naming_an_account_that_has_claimed_leaves_the_older_claim_as_it_is(
    viewer, second, studio, studio_app, campaign, reward, earned, now
):
    connect(viewer, studio_app, now=now)
    older = claim(viewer, campaign, reward, now=now)
    links.unlink(viewer=viewer, organization=studio, now=now)
    connect(second, studio_app, "", now=now)
    newer = claim(second, campaign, reward, now=now)

    name(second, studio_app, "p-77", now=now)

    older.refresh_from_db()
    newer.refresh_from_db()
    assert (older.game_account_id, newer.game_account_id) == ("p-77", "")


def test_a_later_name_does_not_change_which_account_claimed(
    viewer, stranger, studio_app, campaign, reward, earned, now
):
    connect(viewer, studio_app, now=now)
    made = claim(viewer, campaign, reward, now=now)
    theirs = factories.ClaimFactory(campaign=campaign, viewer=stranger)

    name(viewer, studio_app, "p-78", now=now)

    made.refresh_from_db()
    theirs.refresh_from_db()
    assert (made.game_account_id, theirs.game_account_id) == ("p-77", "")


def test_the_database_keeps_a_second_claim_of_one_account_out(campaign, reward):
    factories.ClaimFactory(campaign=campaign, reward=reward, game_account_id="p-77")
    factories.ClaimFactory(campaign=campaign, reward=reward)
    factories.ClaimFactory(campaign=campaign, reward=reward)
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.ClaimFactory(campaign=campaign, reward=reward, game_account_id="p-77")


def run_while_the_claim_commits(claim_it, then) -> list[str]:
    """`claim_it` has been judged and written, and waits for its commit while `then` runs, as far as that goes.

    Returns what either came to: "done", or the code of the refusal.
    """
    results: list[str] = []

    def run(*steps) -> None:
        try:
            for step in steps:
                step()
            results.append("done")
        except ClaimRefused as refused:
            results.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(claim_it,)), threading.Thread(target=run, args=then)]
    with transaction.atomic():
        Reward.objects.select_for_update().get()  # the commit looks whether it is there
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            wait_until_somebody_waits(waiting)
    for thread in threads:
        thread.join()
    return results


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_viewers_at_once_one_claims_for_the_game_account(
    viewer, second, studio, studio_app, campaign, reward, earned, now
):
    connect(viewer, studio_app, now=now)

    results = run_while_the_claim_commits(
        partial(claim, viewer, campaign, reward, now=now),
        (
            partial(links.unlink, viewer=viewer, organization=studio, now=now),
            partial(connect, second, studio_app, now=now),
            partial(claim, second, campaign, reward, now=now),
        ),
    )

    assert results == ["done", "game_account_has_claimed"]
    made = Claim.objects.get()
    assert (made.viewer, made.game_account_id) == (viewer, "p-77")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_game_account_that_is_named_while_a_claim_commits_has_claimed(
    viewer, studio_app, campaign, reward, earned, now
):
    connect(viewer, studio_app, "", now=now)

    results = run_while_the_claim_commits(
        partial(claim, viewer, campaign, reward, now=now),
        (partial(name, viewer, studio_app, "p-77", now=now),),
    )

    assert results == ["done", "done"]
    assert Claim.objects.get().game_account_id == "p-77"
