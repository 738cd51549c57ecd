"""A slow partner holds some threads of a web process, never most of them."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from fulfillment.domain.claims.claiming import claim_reward
from fulfillment.domain.delivery import bulkhead
from fulfillment.models import Delivery
from tests.fulfillment.delivering import deliver_due


@pytest.fixture(autouse=True)
def _eight_threads(settings):
    settings.WEB_THREADS = 8


def admitted(stack: ExitStack, organization_id: str, times: int) -> list[bool]:
    return [stack.enter_context(bulkhead.slot(organization_id)) for _ in range(times)]


def test_half_of_the_threads_wait_and_three_quarters_of_them_for_one_partner():
    with ExitStack() as stack:
        assert admitted(stack, "slow", 5) == [True, True, True, False, False]
        assert admitted(stack, "other", 3) == [True, False, False]


def test_a_slot_is_free_again_whatever_happened():
    for _ in range(10):
        with pytest.raises(ValueError, match="broken"), bulkhead.slot("one"):
            raise ValueError("broken")
    with ExitStack() as stack:
        assert admitted(stack, "one", 1) == [True]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_small_server_has_one_slot(settings, threads):
    settings.WEB_THREADS = threads
    with ExitStack() as stack:
        assert admitted(stack, "one", 2) == [True, False]


@pytest.mark.django_db
def test_a_claim_that_finds_no_slot_is_left_to_a_worker(
    viewer, campaign, reward, earned, linked, endpoint, receiver, studio, now
):
    with ExitStack() as stack:
        admitted(stack, studio.pk, 8)
        claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
    assert receiver.received == []
    assert Delivery.objects.get().lease_token is None

    assert [attempt.status for attempt in deliver_due(now)] == [200]


@pytest.mark.django_db
@pytest.mark.parametrize("unfit", ["held", "unverified", "open breaker"])
def test_a_claim_is_not_tried_where_it_would_fail_or_is_not_wanted(
    viewer, campaign, reward, earned, linked, endpoint, receiver, now, unfit
):
    if unfit == "held":
        endpoint.held_at, endpoint.held_reason = now, "owner"
    elif unfit == "unverified":
        endpoint.verified_at = None
    else:
        endpoint.breaker_open_until = now
    endpoint.save()

    claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)

    assert receiver.received == []
    assert Delivery.objects.get().lease_token is None
