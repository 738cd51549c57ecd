"""Claiming: the rules, the repeat, and the first attempt in the viewer's own request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event
from types import SimpleNamespace

import pytest
from ulid import ULID

from accounts.models import new_ulid
from fulfillment.domain.claims.claiming import ClaimRefused, NothingToClaim, claim_reward
from fulfillment.domain.claims.inventory import inventory
from fulfillment.domain.delivery import attempts, queue
from fulfillment.models import Attempt, Claim, ClaimSequence, Delivery, DeliveryState
from tests import factories
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.fulfillment.receiver import Received, Reply

pytestmark = pytest.mark.django_db


def test_a_claim_reaches_the_studio_at_once(
    viewer, campaign, reward, earned, linked, endpoint, receiver, now
):
    claim = claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    (received,) = receiver.received
    assert (
        received.body
        == (
            f'{{"claim_id":"{claim.id}","user_id":{viewer.pk},"campaign_id":"{campaign.pk}",'
            f'"reward_id":"{reward.pk}","external_id":"wings"}}'
        ).encode()
    )
    delivery = Delivery.objects.get(claim=claim)
    assert delivery.state == DeliveryState.DELIVERED
    attempt = Attempt.objects.get()
    assert (attempt.delivery, attempt.number, attempt.trigger, attempt.status) == (delivery, 1, "claim", 200)


def test_external_id_is_left_out_where_the_reward_has_none(
    viewer, campaign, reward, earned, linked, endpoint, receiver, now
):
    reward.external_id = ""
    reward.save()

    claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert set(json.loads(receiver.received[0].body)) == {"claim_id", "user_id", "campaign_id", "reward_id"}


def test_a_repeat_returns_the_same_claim_and_sends_nothing(
    viewer, campaign, reward, earned, linked, endpoint, receiver, now
):
    first = claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
    again = claim_reward(
        viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now + timedelta(days=30)
    )

    assert again == first
    assert (Claim.objects.count(), Delivery.objects.count(), len(receiver.received)) == (1, 1, 1)


def test_a_claim_without_an_endpoint_is_made_all_the_same(viewer, campaign, reward, earned, linked, now):
    claim = claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert claim.external_status == "initiated"
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_failing_server_does_not_fail_the_claim(
    viewer, campaign, reward, earned, linked, endpoint, receiver, now, status
):
    receiver.answers(status)

    claim = claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    delivery = Delivery.objects.get(claim=claim)
    assert delivery.state == DeliveryState.PENDING
    assert timedelta(seconds=4) <= delivery.next_attempt_at - now <= timedelta(seconds=7)


def test_each_endpoint_has_a_delivery_of_its_own(
    viewer, campaign, reward, earned, linked, endpoint, receiver, studio, now
):
    factories.WebhookEndpointFactory(organization=studio, url=receiver.url + "/second")

    claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert {received.path for received in receiver.received} == {"/hooks", "/hooks/second"}
    assert len({received.message_id for received in receiver.received}) == 2


@pytest.fixture
def late() -> Iterator[Callable[[Received], Reply]]:
    """What a slow server does: it answers after five seconds, or when the test is over."""
    over = Event()

    def decide(_: Received) -> Reply:
        over.wait(5)
        return Reply()

    yield decide
    over.set()


def test_a_slow_server_does_not_keep_the_viewer(
    viewer, campaign, reward, earned, linked, endpoint, receiver, late, now, monkeypatch
):
    monkeypatch.setattr(attempts, "REQUEST_DEADLINE", 1.0)
    receiver.decide = late

    claim = claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert Attempt.objects.get().error_class == "timeout"
    assert Delivery.objects.get(claim=claim).state == DeliveryState.PENDING


def test_all_endpoints_of_a_claim_share_one_deadline_of_three_seconds(
    viewer, campaign, reward, earned, linked, endpoint, receiver, late, studio, now, monkeypatch
):
    """On a clock that goes 1.4 seconds for each request that arrives."""
    clock = SimpleNamespace(monotonic=lambda: 1.4 * len(receiver.received), time_ns=time.time_ns)
    monkeypatch.setattr(attempts, "time", clock)
    receiver.decide = lambda received: late(received) if len(receiver.received) == 2 else Reply()
    for path in ("/second", "/third"):
        factories.WebhookEndpointFactory(organization=studio, url=receiver.url + path)

    claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    first, second = Attempt.objects.order_by("started_at")
    assert (first.status, second.error_class) == (200, "timeout")
    assert second.duration_ms < 3000  # 1600 were left
    given_back = Delivery.objects.get(attempts=None)
    assert (given_back.lease_token, given_back.attempt_count) == (None, 0)
    assert given_back.next_attempt_at == first.started_at + timedelta(seconds=2.8)


def test_a_claim_waits_for_a_worker_while_eight_requests_are_on_their_way(
    viewer, campaign, reward, earned, linked, endpoint, receiver, now
):
    for _ in range(queue.IN_FLIGHT_PER_ENDPOINT):
        make_delivery(endpoint, now)
    on_their_way = queue.take_due(limit=100, now=now)

    claim = claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
    assert receiver.received == []
    assert deliver_due(now) == []

    attempts.attempt(on_their_way[0], now=now)
    assert [attempt.delivery.claim for attempt in deliver_due(now)] == [claim]


def test_ids_increase_though_the_clock_falls_back(studio, campaign, reward, endpoint, now):
    claims = []
    for step in (0, 1, -3600, -3600, 5):
        viewer = factories.UserFactory()
        factories.ProgressFactory(viewer=viewer, campaign=campaign)
        factories.GameLinkFactory(viewer=viewer, organization=studio)
        moment = now + timedelta(seconds=step)
        claims.append(
            claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=moment).id
        )

    assert claims == sorted(set(claims))


def test_an_id_that_another_process_drew_is_not_drawn_again(studio, campaign, reward, now):
    """Two requests of one millisecond; in between another process drew the id after the first one's."""
    ids = []
    for _ in range(2):
        viewer = factories.UserFactory()
        factories.ProgressFactory(viewer=viewer, campaign=campaign)
        factories.GameLinkFactory(viewer=viewer, organization=studio)
        ids.append(claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now).id)
        drawn = str(ULID.from_int(int(ULID.from_str(ids[-1])) + 1))
        ClaimSequence.objects.update(last_claim_id=drawn)

    assert ids[1] > str(ULID.from_int(int(ULID.from_str(ids[0])) + 1))


# Refusals


def refused(**claim) -> ClaimRefused:
    """The refusal of a claim; nothing is written."""
    with pytest.raises(ClaimRefused) as raised:
        claim_reward(**claim)
    assert not Claim.objects.filter(viewer=claim["viewer"]).exists()
    return raised.value


@pytest.mark.parametrize(
    ("seconds", "words"), [(3599, "1 more minute "), (3540, "1 more minute "), (0, "60 more minutes ")]
)
def test_not_enough_minutes_says_how_many_more(viewer, campaign, reward, earned, linked, now, seconds, words):
    earned.seconds = seconds
    earned.save()

    error = refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert error.code == "not_enough_minutes"
    assert words in error.message


def test_a_viewer_who_never_watched_is_refused(viewer, campaign, reward, linked, now):
    assert (
        refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now).code
        == "not_enough_minutes"
    )


def test_not_linked_comes_with_the_connect_address(viewer, campaign, reward, earned, now):
    error = refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert error.code == "not_linked"
    assert error.connect_url == (
        "https://studio.example.com/connect?return_to=http%3A%2F%2F127.0.0.1%3A8000%2Finventory%2F"
    )


def test_a_link_that_ended_does_not_count(viewer, campaign, reward, earned, linked, now):
    linked.unlinked_at = now
    linked.save()

    assert refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now).code == "not_linked"


def test_the_last_moment_of_the_grace_period(viewer, campaign, reward, earned, linked, now):
    error = refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=campaign.closes_at)
    assert (error.code, "closed on 29 November 2026" in error.message) == ("not_claimable", True)

    assert claim_reward(
        viewer=viewer,
        campaign_id=campaign.pk,
        reward_id=reward.pk,
        now=campaign.closes_at - timedelta(microseconds=1),
    )


def test_what_was_earned_survives_a_withdrawal(viewer, campaign, reward, earned, linked, now):
    campaign.withdrawn_at = now - timedelta(hours=1)
    campaign.save()

    assert claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)


def test_a_draft_is_nothing_to_claim(viewer, campaign, reward, earned, linked, now):
    campaign.published_at = None
    campaign.save()

    with pytest.raises(NothingToClaim, match="No such campaign"):
        claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)


def test_ids_of_nothing_are_nothing_to_claim(viewer, campaign, reward, earned, linked, now):
    with pytest.raises(NothingToClaim, match="No such campaign"):
        claim_reward(viewer=viewer, campaign_id=new_ulid(), reward_id=reward.pk, now=now)
    with pytest.raises(NothingToClaim, match="No such reward"):
        claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=new_ulid(), now=now)


@pytest.mark.parametrize("phase", ["not started", "suspended"])
def test_not_claimable(viewer, campaign, reward, earned, linked, now, phase):
    if phase == "not started":
        campaign.starts_at = now + timedelta(hours=1)
    else:
        campaign.organization.suspended_at = now
        campaign.organization.save()
    campaign.save()

    error = refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert error.code == "not_claimable"
    assert error.message


@pytest.mark.parametrize("over", ["ended", "withdrawn"])
def test_nobody_is_told_to_watch_what_is_over(viewer, campaign, reward, linked, now, over):
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=50 * 60)
    if over == "ended":
        campaign.ends_at = now - timedelta(hours=1)
    else:
        campaign.withdrawn_at = now - timedelta(hours=1)
    campaign.save()

    error = refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert error.code == "not_enough_minutes"
    assert error.message == (
        "You needed 10 more minutes when the campaign ended on 20 November 2026, 11:00 UTC. "
        "You can no longer earn this reward."
    )


def test_test_mode_lets_members_claim_and_nobody_else(viewer, campaign, reward, earned, linked, studio, now):
    campaign.test_mode = True
    campaign.save()
    assert refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now).code == "test_mode"

    factories.MembershipFactory(organization=studio, user=viewer, role="member")
    assert claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)


@pytest.mark.parametrize(
    "why", ["suspended", "test_mode", "not_linked", "game_account_has_claimed", "nothing"]
)
def test_the_button_and_the_claim_agree(viewer, campaign, reward, earned, studio, now, why):
    """The inventory and a claim read the same facts by different statements."""
    if why == "suspended":
        studio.suspended_at = now
        studio.save()
    elif why == "test_mode":
        campaign.test_mode = True
        campaign.save()
    if why != "not_linked":
        factories.GameLinkFactory(viewer=viewer, organization=studio, game_account_id="p-77")
    if why == "game_account_has_claimed":
        factories.ClaimFactory(campaign=campaign, reward=reward, game_account_id="p-77")

    (entry,) = inventory(viewer=viewer, now=now).ready
    if why == "nothing":
        assert entry.refused is None
        assert claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
    else:
        error = refused(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
        assert (entry.refused.code, entry.refused.message) == (error.code, error.message)


def test_a_reward_of_another_campaign_is_refused(viewer, campaign, earned, linked, studio, now):
    elsewhere = factories.CampaignRewardFactory(campaign__organization=studio)

    error = refused(viewer=viewer, campaign_id=campaign.pk, reward_id=elsewhere.reward.pk, now=now)

    assert error.code == "not_attached"
