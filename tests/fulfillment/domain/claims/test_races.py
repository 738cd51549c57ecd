"""What only real processes on PostgreSQL can show: no two claims of one thing, and none that a reader misses."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import GameLink, Organization, User
from drops.models import Progress
from fulfillment.domain.claims.claiming import ClaimRefused, claim_reward
from fulfillment.domain.delivery import attempts, queue
from fulfillment.models import Claim, ClaimSequence, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.api import bearer
from tests.fulfillment import claimers
from tests.fulfillment.delivering import make_delivery

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

PROCESSES = 8
THREADS = 25  # in each


@pytest.fixture
def now():
    """These processes have a real clock."""
    return timezone.now()


@pytest.fixture
def campaign(studio, category, now):
    return factories.CampaignFactory(
        organization=studio,
        category=category,
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=1),
    )


@contextmanager
def claiming(*arguments: list[object]) -> Iterator[list[subprocess.Popen[str]]]:
    """A claimer for each list of arguments, all of them let go at the same moment."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.fulfillment.claimers", *map(str, words)],
                    env=claimers.environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for words in arguments
        ]
        for process in processes:
            stack.callback(process.kill)
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        yield processes


def claimed(processes: list[subprocess.Popen[str]]) -> list[str]:
    ids = [line for process in processes for line in process.communicate(timeout=300)[0].splitlines()]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return ids


def test_two_hundred_requests_at_once_make_one_claim(
    viewer, campaign, reward, earned, linked, endpoint, receiver
):
    words = ["together", THREADS, viewer.pk, campaign.pk, reward.pk]
    with claiming(*[words] * PROCESSES) as processes:
        ids = claimed(processes)

    claim = Claim.objects.get()
    assert ids == [claim.id] * PROCESSES * THREADS
    assert Delivery.objects.get().state == DeliveryState.DELIVERED
    assert len(receiver.received) == 1


def test_who_reads_on_from_the_last_claim_seen_misses_none(studio, campaign, studio_app):
    """Four processes, whose clocks differ by seconds, claim while a partner tails the API.

    Were the sequence not locked until the commit, the partner would miss a claim in about fifty.
    """
    for _ in range(12):
        factories.CampaignRewardFactory(campaign=campaign, required_minutes=1)
    viewers = User.objects.bulk_create(User(username=f"tail_{number}", email="") for number in range(100))
    now = timezone.now()
    Progress.objects.bulk_create(
        Progress(viewer=viewer, campaign=campaign, seconds=3600, created_at=now, updated_at=now)
        for viewer in viewers
    )
    GameLink.objects.bulk_create(
        GameLink(viewer=viewer, organization=studio, app=studio_app, linked_at=now) for viewer in viewers
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    everything_is_claimed = threading.Event()
    seen: list[str] = []
    reader = threading.Thread(target=tail, args=(bearer(studio_app), seen, everything_is_claimed))
    reader.start()
    try:
        words = [["apart", number, 4, campaign.pk, (number - 2) * 1.0] for number in range(4)]
        with claiming(*words) as processes:
            ids = claimed(processes)
    finally:
        everything_is_claimed.set()
        reader.join()

    assert len(ids) == len(set(ids)) == 1_200
    assert seen == sorted(ids)


def tail(client: Client, seen: list[str], everything_is_claimed: threading.Event) -> None:
    """Ask for what comes after the last claim seen, until nothing does any more."""
    try:
        while True:
            last_round = everything_is_claimed.is_set()
            query = {"limit": 1000, "cursor": seen[-1]} if seen else {"limit": 1000}
            answer = client.get("/public/v1/drops/claims", query).json()
            page = [claim["claim_id"] for claim in answer["data"]["claims"]]
            seen += page
            time.sleep(0.02)
            if last_round and not page:
                return
    finally:
        connection.close()


def test_a_claim_that_waited_its_turn_goes_where_the_studio_wants_it_now(
    viewer, campaign, reward, earned, linked, endpoint, receiver, studio
):
    """While the claim waits for the organization's sequence, an owner moves the endpoint."""
    ClaimSequence.objects.create(organization=studio)
    moved = receiver.url + "/moved"
    made: list[Claim] = []

    def claim() -> None:
        now = timezone.now()
        try:
            made.append(claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now))
        finally:
            connection.close()

    thread = threading.Thread(target=claim)
    with transaction.atomic():
        ClaimSequence.objects.select_for_update().get()
        thread.start()
        wait_until_somebody_waits()
        WebhookEndpoint.objects.update(url=moved)
    thread.join()

    assert [(request.path) for request in receiver.received] == ["/hooks/moved"]
    assert Delivery.objects.get().state == DeliveryState.DELIVERED


@pytest.mark.parametrize("meanwhile", ["unlinked", "suspended"])
def test_a_claim_that_waited_its_turn_is_judged_by_what_is_so_then(
    viewer, campaign, reward, earned, linked, studio, meanwhile
):
    ClaimSequence.objects.create(organization=studio)
    refused: list[ClaimRefused] = []

    def claim() -> None:
        try:
            claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=timezone.now())
        except ClaimRefused as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    thread = threading.Thread(target=claim)
    with transaction.atomic():
        ClaimSequence.objects.select_for_update().get()
        thread.start()
        wait_until_somebody_waits()
        if meanwhile == "unlinked":
            GameLink.objects.update(unlinked_at=timezone.now())
        else:
            Organization.objects.filter(pk=studio.pk).update(suspended_at=timezone.now())
    thread.join()

    expected = {"unlinked": "not_linked", "suspended": "not_claimable"}
    assert [refusal.code for refusal in refused] == [expected[meanwhile]]
    assert not Claim.objects.exists()
    assert ClaimSequence.objects.get().last_claim_id is None


def wait_until_somebody_waits(count: int = 1) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits for the lock")


def test_two_workers_never_take_the_same_delivery_nor_too_many(endpoint, now):
    """Threads that take at the same moment: each delivery once, and no more than the endpoint may get."""
    for _ in range(30):
        make_delivery(endpoint, now)
    taken: list[str] = []
    barrier = threading.Barrier(8)

    def take() -> None:
        barrier.wait()
        try:
            for _ in range(3):
                taken.extend(lease.delivery.pk for lease in queue.take_due(limit=5, now=now))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == len(set(taken)) == queue.IN_FLIGHT_PER_ENDPOINT


def test_an_outcome_and_a_worker_that_takes_over_do_not_wait_for_each_other(endpoint, receiver, now):
    """The lease ends in the same moment as the attempt: whatever comes first, nothing is lost or deadlocked."""
    receiver.answers(500)
    for _ in range(8):
        make_delivery(endpoint, now)
    leases = queue.take_due(limit=8, now=now)
    later = now + timedelta(minutes=1)
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(leases) + 2)

    def run(step, *arguments, **keywords) -> None:
        barrier.wait()
        try:
            step(*arguments, **keywords)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(attempts.attempt, lease), kwargs={"now": now}) for lease in leases
    ]
    threads += [
        threading.Thread(target=run, args=(queue.take_due,), kwargs={"limit": 8, "now": later})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    for delivery in Delivery.objects.all():
        numbers = [attempt.number for attempt in delivery.attempts.all()]
        under_way = [delivery.attempt_count] if delivery.lease_token else []
        assert numbers + under_way == list(range(1, delivery.attempt_count + 1))
