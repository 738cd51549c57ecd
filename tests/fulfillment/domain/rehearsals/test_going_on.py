"""A rehearsal that waits, or whose process was killed, goes on by itself, ends in time, and does nothing twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Membership, Organization
from drops.models import Campaign, Grant
from fulfillment.domain.rehearsals import running, starting
from fulfillment.domain.rehearsals.reading import report, with_reports
from fulfillment.domain.rehearsals.running import LASTS, LINK_WITHIN, go_on, go_on_with_all
from fulfillment.models import Attempt, Claim, Delivery, DeliveryState, Rehearsal
from tests import factories
from tests.factories import NOW
from tests.fulfillment.delivering import deliver_due
from tests.fulfillment.domain.rehearsals.steps import steps

pytestmark = pytest.mark.django_db


def test_without_a_game_account_it_waits_and_goes_on_by_itself(
    rehearse, owner, studio, endpoint, receiver, now
):
    rehearsal = rehearse()
    assert rehearsal.state == "waiting"
    assert steps(rehearsal)["link"] == ("waiting", "not_linked")
    assert not receiver.received

    factories.GameLinkFactory(viewer=owner, organization=studio)
    later = now + timedelta(minutes=10)
    assert go_on_with_all(clock=lambda: later) == 1

    rehearsal.refresh_from_db()
    assert rehearsal.state == "passed"
    assert rehearsal.steps.get(kind="link").duration_ms >= 600_000
    assert report(with_reports(Rehearsal.objects.all()).get(), now=later).duration_ms < 60_000


def test_the_delivery_counts_from_the_claim_on(left_alone, owner_linked, endpoint, now):
    rehearsal = left_alone()
    for _ in range(3):
        running._take_step(rehearsal.pk, now, False)
    deliver_due(now=now + timedelta(seconds=3))
    go_on(rehearsal_id=rehearsal.pk, clock=lambda: now + timedelta(seconds=3))
    assert 3_000 <= rehearsal.steps.get(kind="delivery").duration_ms < 60_000


def test_one_that_breaks_does_not_keep_the_others_from_going_on(
    rehearse, left_alone, studio, attached, campaign, now, monkeypatch
):
    broken = left_alone()
    other = factories.MembershipFactory(organization=studio).user
    going = starting.start_rehearsal(
        campaign=campaign, viewer=other, actor=other, now=now + timedelta(seconds=1), stand_in=True
    )
    take_step = running._take_step

    def take(rehearsal_id: str, *rest: Any) -> Any:
        if rehearsal_id == broken.pk:
            raise RuntimeError
        return take_step(rehearsal_id, *rest)

    monkeypatch.setattr(running, "_take_step", take)
    assert go_on_with_all(clock=lambda: now) == 2
    going.refresh_from_db()
    assert going.state == "passed"


def test_a_stand_in_takes_the_place_of_a_run_that_waits(rehearse, endpoint):
    waiting = rehearse()
    assert rehearse(stand_in=True).state == "passed"
    assert steps(Rehearsal.objects.get(pk=waiting.pk))["link"] == ("failed", "replaced")


def test_nobody_connects(rehearse, now):
    rehearsal = rehearse()
    go_on_with_all(clock=lambda: now + LINK_WITHIN)
    assert steps(rehearsal)["link"] == ("failed", "not_linked")


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_whoever_comes_next_goes_on_after_a_crash(
    left_alone, owner_linked, endpoint, receiver, taken, now, monkeypatch
):
    """Killed after each of the steps: nothing is done twice."""
    rehearsal = left_alone()
    for _ in range(taken):
        running._take_step(rehearsal.pk, now, False)
    go_on_with_all(clock=lambda: now + timedelta(seconds=2))
    if taken == 3:  # the claim was left to a worker
        deliver_due(now=now + timedelta(seconds=2))
        go_on_with_all(clock=lambda: now + timedelta(seconds=4))
    rehearsal.refresh_from_db()
    assert rehearsal.state == "passed"
    assert (Grant.objects.count(), Claim.objects.count(), len(receiver.received)) == (1, 1, 1)


def test_a_run_that_nobody_goes_on_with_was_broken_off(left_alone, rehearse, owner_linked, now):
    rehearsal = left_alone()
    late = now + LASTS
    shown = report(with_reports(Rehearsal.objects.all()).get(), now=late)
    assert (shown.state, shown.steps[0].told.text) == (
        "failed",
        "The rehearsal was broken off before this step was done.",
    )
    assert rehearse(now=late).state == "passed"
    assert steps(rehearsal) == {"watch": ("failed", "broken_off")}


def test_an_attempt_that_was_cut_short_is_told(left_alone, owner_linked, endpoint, now):
    """The process died while the studio's server was being asked."""
    rehearsal = left_alone()
    for _ in range(2):
        running._take_step(rehearsal.pk, now, True)
    goes_on, leases = running._take_step(rehearsal.pk, now, True)
    assert goes_on
    assert leases
    late = now + timedelta(seconds=20)
    deliver_due(now=late)
    go_on(rehearsal_id=rehearsal.pk, clock=lambda: late)
    assert steps(rehearsal)["delivery"] == ("failed", "not_delivered")
    assert Attempt.objects.get().error_class == "crashed"


def test_what_has_not_left_in_time_does_not_leave_later(left_alone, owner_linked, endpoint, receiver, now):
    rehearsal = left_alone()
    for _ in range(4):
        running._take_step(rehearsal.pk, now, False)
    late = now + LASTS
    go_on(rehearsal_id=rehearsal.pk, clock=lambda: late)
    deliver_due(now=late)
    assert steps(rehearsal)["delivery"] == ("failed", "not_in_time")
    assert not receiver.received
    assert Delivery.objects.get().state == DeliveryState.FAILED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda: Campaign.objects.update(test_mode=False), "no_test_mode"),
        (lambda: Membership.objects.all().delete(), "no_member"),
        (lambda: Organization.objects.update(suspended_at=NOW), "not_active"),
    ],
)
def test_it_stops_when_it_is_no_longer_allowed(left_alone, change: Any, code, now, endpoint):
    rehearsal = left_alone()
    running._take_step(rehearsal.pk, now, False)
    change()
    go_on_with_all(clock=lambda: now)
    assert steps(rehearsal)["link"] == ("failed", code)
    assert not Claim.objects.exists()
