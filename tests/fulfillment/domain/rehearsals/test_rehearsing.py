"""A rehearsal goes the whole way of a claim, and leaves no trace in any number."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.domain import links
from accounts.models import AuditEvent, MemberRole, Membership, Organization
from drops.domain.campaigns.lifecycle import delete_draft
from drops.domain.watch.figures import totals
from drops.models import (
    Campaign,
    ChannelDay,
    Grant,
    NetworkDay,
    Progress,
    RewardHour,
    WatchHour,
    WatchInterval,
)
from fulfillment.domain.analytics.daily import daily
from fulfillment.domain.claims.claiming import claim_reward
from fulfillment.domain.claims.inventory import claims_of, inventory
from fulfillment.domain.claims.reading import (
    ClaimFilter,
    claimed_by_reward,
    claims_of as claims_for,
    recent_claims,
)
from fulfillment.domain.claims.support import case_of
from fulfillment.domain.delivery import resending
from fulfillment.domain.delivery.endpoints import hold_endpoint, release_endpoint
from fulfillment.domain.delivery.health import endpoint_health
from fulfillment.domain.delivery.reading import Arrival, delivery_figures
from fulfillment.domain.delivery.status import DeliveryStatus, delivery_status
from fulfillment.domain.rehearsals import running, starting
from fulfillment.domain.rehearsals.reading import report, with_reports
from fulfillment.domain.rehearsals.running import LASTS, LINK_WITHIN, go_on, go_on_with_all
from fulfillment.domain.rehearsals.starting import TooManyRehearsals
from fulfillment.domain.rehearsals.words import ANYWHERE, STEPS, told
from fulfillment.models import Attempt, Claim, Delivery, DeliveryState, Rehearsal, RehearsalStep
from tests import factories
from tests.factories import NOW
from tests.fulfillment.delivering import deliver_due

pytestmark = pytest.mark.django_db


def steps(rehearsal: Rehearsal) -> dict[str, tuple[str, str]]:
    return {step.kind: (step.state, step.code) for step in rehearsal.steps.order_by("pk")}


def test_a_member_goes_the_whole_way_at_once(
    rehearse, owner, owner_linked, campaign, endpoint, receiver, now
):
    rehearsal = rehearse()

    assert rehearsal.state == "passed"
    assert steps(rehearsal) == {
        "watch": ("passed", "granted_no_stream"),
        "link": ("passed", "linked"),
        "claim": ("passed", "claimed"),
        "delivery": ("passed", "delivered"),
    }
    assert all(step.duration_ms is not None for step in rehearsal.steps.all())
    (received,) = receiver.received
    claim = Claim.objects.get()
    assert json.loads(received.body)["claim_id"] == claim.pk
    assert received.headers["Kick-Event-Type"] == "drops.claim.created"
    assert received.headers["Drops-Rehearsal"] == "true"
    assert received.headers["Kick-Event-Signature"]
    assert (claim.test, claim.rehearsal, claim.game_account_id) == (True, rehearsal, "p-1")
    assert Attempt.objects.get().trigger == "rehearsal"


def test_the_grant_says_who_gave_what_to_whom_and_why(rehearse, owner, campaign, endpoint, studio_app, now):
    rehearsal = rehearse(stand_in=True)

    grant = Grant.objects.get()
    assert (grant.viewer, grant.campaign, grant.minutes) == (owner, campaign, 60)
    assert (grant.granted_by, grant.granted_by_app, grant.reason, grant.at) == (owner, None, "rehearsal", now)
    assert rehearsal.grant == grant
    assert {event.action: event.data for event in AuditEvent.objects.filter(target_id=campaign.pk)} == {
        "campaign.rehearsed": {"user_id": owner.pk, "rewards": [rehearsal.reward.name]},
        "minutes.granted": {"user_id": owner.pk, "minutes": 60, "reason": "rehearsal"},
    }


def test_it_is_in_no_number(
    rehearse, owner, owner_linked, studio, campaign, attached, endpoint, receiver, now
):
    rehearse()
    receiver.answers(500)
    failed = rehearse()

    assert failed.state == "failed"
    for model in (Progress, WatchInterval, WatchHour, RewardHour, ChannelDay, NetworkDay):
        assert not model.objects.exists(), model
    assert totals([campaign])[campaign.pk].seconds == totals([campaign], test=True)[campaign.pk].seconds == 0
    assert claimed_by_reward(campaign) == claimed_by_reward(campaign, test=True) == {}
    assert daily(campaign=campaign) == []
    assert recent_claims(organization_id=studio.pk, since=now - timedelta(days=1)) == {}
    assert delivery_figures(organization=studio) == (0, 0, 0, None)
    health = endpoint_health(endpoint=endpoint, now=now)
    assert (health.attempts, health.failed, health.waiting, health.failing_since) == (0, 0, 0, None)
    mine = inventory(viewer=owner, now=now)
    assert (mine.ready, mine.in_progress, mine.expired, list(claims_of(owner))) == ((), (), (), [])


def test_what_came_before_is_left_alone(
    rehearse, owner, owner_linked, campaign, attached, endpoint, receiver, now
):
    """Who has claimed rehearses, and who has rehearsed claims, as often as they like."""
    rehearse()
    campaign.published_at = campaign.announces_at = now - timedelta(days=2)
    campaign.starts_at = now - timedelta(days=1)
    campaign.save()
    factories.ProgressFactory(viewer=owner, campaign=campaign, seconds=3600, test_seconds=3600)
    own = claim_reward(viewer=owner, campaign_id=campaign.pk, reward_id=attached.reward_id, now=now)
    before = Claim.objects.filter(pk=own.pk).values().get(), Progress.objects.values().get()
    again = rehearse()

    assert again.state == "passed"
    assert own.rehearsal is None
    assert (Claim.objects.filter(pk=own.pk).values().get(), Progress.objects.values().get()) == before
    assert list(claims_of(owner)) == [own]
    assert claimed_by_reward(campaign, test=True) == {attached.reward_id: 1}
    assert len(receiver.received) == Claim.objects.count() == 3


def test_the_studio_reads_and_acknowledges_the_claim_like_any_other(rehearse, studio, owner_linked, endpoint):
    rehearse()
    assert claims_for(studio.pk, ClaimFilter()).count() == 1


def test_a_name_that_the_studio_gives_later_is_no_trouble(
    rehearse, owner, studio, studio_app, campaign, endpoint, now
):
    links.link(viewer=owner, app=studio_app, now=now)
    rehearse()
    rehearse()
    links.name_game_account(viewer_id=owner.pk, app=studio_app, account_id="p-9", name="Ada", now=now)
    assert rehearse().state == "passed"
    assert sorted(Claim.objects.values_list("game_account_id", flat=True)) == ["", "", "p-9"]


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


def test_a_stand_in_leaves_the_link_out_and_says_so(rehearse, endpoint, receiver):
    rehearsal = rehearse(stand_in=True)
    assert (rehearsal.state, steps(rehearsal)["link"]) == ("passed", ("skipped", "stand_in"))
    assert Claim.objects.get().game_account_id == ""


def test_a_stand_in_takes_the_place_of_a_run_that_waits(rehearse, endpoint):
    waiting = rehearse()
    assert rehearse(stand_in=True).state == "passed"
    assert steps(Rehearsal.objects.get(pk=waiting.pk))["link"] == ("failed", "replaced")


def test_nobody_connects(rehearse, now):
    rehearsal = rehearse()
    go_on_with_all(clock=lambda: now + LINK_WITHIN)
    assert steps(rehearsal)["link"] == ("failed", "not_linked")


@pytest.mark.parametrize("status", [400, 410, 429, 500])
def test_a_failure_is_told_at_once_and_changes_nothing_at_the_endpoint(
    rehearse, owner_linked, endpoint, receiver, status, now
):
    receiver.answers(status)
    rehearsal = rehearse()

    assert (rehearsal.state, steps(rehearsal)["delivery"]) == ("failed", ("failed", "not_delivered"))
    delivery = Delivery.objects.select_related("endpoint").get()
    assert (delivery.state, delivery.next_attempt_at) == (DeliveryState.FAILED, None)
    assert delivery_status(delivery) == DeliveryStatus.FAILED_TEST
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.held_at, endpoint.breaker_open_until) == (None, None, None)
    found = report(with_reports(Rehearsal.objects.all()).get(), now=now)
    assert found.exchanges[0].attempt.status == status


def test_a_server_that_works_again_is_well_again(rehearse, owner_linked, endpoint, now):
    endpoint.failing_since = now - timedelta(hours=2)
    endpoint.save()
    assert rehearse().state == "passed"
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_it_goes_to_all_endpoints_that_take_claims_or_to_the_one_that_was_chosen(
    rehearse, owner_linked, studio, endpoint, receiver, now
):
    second = factories.WebhookEndpointFactory(organization=studio, url=f"{receiver.url}/second")
    factories.WebhookEndpointFactory(organization=studio, verified_at=None)
    rehearse()
    assert {each.endpoint for each in Delivery.objects.all()} == {endpoint, second}
    rehearse(endpoint=second)
    assert receiver.received[-1].path.endswith("/second")
    assert len(receiver.received) == 3


def test_an_endpoint_that_takes_no_claims_is_not_chosen(rehearse, studio, rival_studio):
    for endpoint in (
        factories.WebhookEndpointFactory(organization=studio, verified_at=None),
        factories.WebhookEndpointFactory(organization=studio, deleted_at=NOW),
        factories.WebhookEndpointFactory(organization=rival_studio),
    ):
        with pytest.raises(ValidationError) as refused:
            rehearse(endpoint=endpoint)
        assert set(refused.value.message_dict) == {"endpoint"}


def test_without_an_endpoint_the_delivery_is_left_out(rehearse, owner_linked):
    assert (rehearse().state, steps(Rehearsal.objects.get())["delivery"]) == (
        "passed",
        ("skipped", "no_endpoint"),
    )


def test_an_endpoint_that_is_not_verified_fails_the_delivery(rehearse, owner_linked, studio):
    factories.WebhookEndpointFactory(organization=studio, verified_at=None)
    assert steps(rehearse())["delivery"] == ("failed", "not_ready")
    assert not Delivery.objects.exists()


def test_the_reward_that_takes_least_or_the_one_that_was_chosen(rehearse, campaign, attached, owner_linked):
    short = factories.CampaignRewardFactory(campaign=campaign, required_minutes=5)
    assert rehearse().reward == short.reward
    assert rehearse(reward=attached.reward).grant.minutes == 60
    with pytest.raises(ValidationError) as refused:
        rehearse(reward=factories.RewardFactory(organization=campaign.organization))
    assert set(refused.value.message_dict) == {"reward"}


@pytest.mark.parametrize(
    "change",
    [
        {"test_mode": False},
        {"archived_at": NOW},
        {"published_at": NOW, "withdrawn_at": NOW},
        {
            "published_at": NOW - timedelta(days=9),
            "announces_at": NOW - timedelta(days=8),
            "starts_at": NOW - timedelta(days=8),
            "ends_at": NOW - timedelta(days=7),
            "closes_at": NOW,
        },
    ],
)
def test_only_a_campaign_in_test_mode_that_is_not_over(rehearse, campaign, change):
    for name, value in change.items():
        setattr(campaign, name, value)
    campaign.save()
    with pytest.raises(ValidationError):
        rehearse()
    assert not Rehearsal.objects.exists()
    assert not Grant.objects.exists()


@pytest.mark.parametrize("role", MemberRole)
def test_who_may_start_one(rehearse, studio, role):
    person = factories.MembershipFactory(organization=studio, role=role).user
    if role in (MemberRole.OWNER, MemberRole.MANAGER, MemberRole.DEVELOPER):
        assert rehearse(actor=person, viewer=person, stand_in=True).state == "passed"
    else:
        with pytest.raises(PermissionDenied):
            rehearse(actor=person, viewer=person)


def test_only_members_who_test_are_granted_anything(rehearse, owner, stranger, studio, rival_owner):
    analyst = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user
    for person in (stranger, rival_owner, analyst):
        with pytest.raises(ValidationError) as refused:
            rehearse(viewer=person)
        assert set(refused.value.message_dict) == {"viewer"}
    assert not Grant.objects.exists()


@pytest.mark.parametrize("change", [{"approved_at": None}, {"suspended_at": NOW}])
def test_only_an_active_organization_rehearses(rehearse, studio, studio_app, owner, change):
    Organization.objects.filter(pk=studio.pk).update(**change)
    with pytest.raises(PermissionDenied):
        rehearse()


def test_runs_are_bounded(rehearse, now, monkeypatch):
    for _ in range(starting.PER_MINUTE):
        rehearse(stand_in=True)
    with pytest.raises(TooManyRehearsals, match="in a minute"):
        rehearse(stand_in=True)
    monkeypatch.setattr(starting, "PER_DAY", starting.PER_MINUTE)
    with pytest.raises(TooManyRehearsals, match="in a day"):
        rehearse(stand_in=True, now=now + timedelta(hours=1))


@pytest.fixture
def left_alone(campaign, attached, owner, now) -> Callable[[], Rehearsal]:
    """A run that was started, and whose process was killed before it took a step."""
    return lambda: starting.start_rehearsal(campaign=campaign, viewer=owner, actor=owner, now=now)


def test_one_at_a_time(rehearse, left_alone):
    left_alone()
    with pytest.raises(ValidationError, match="under way"):
        rehearse()


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


def test_it_is_not_sent_again(rehearse, owner, owner_linked, studio, endpoint, receiver, now):
    receiver.answers(500)
    rehearse()
    claim, delivery = Claim.objects.get(), Delivery.objects.get()
    with pytest.raises(ValidationError, match="Rehearse the campaign again"):
        resending.resend_claim(claim=claim, actor=owner, now=now)
    with pytest.raises(ValidationError, match="Rehearse the campaign again"):
        resending.resend_delivery(delivery=delivery, actor=owner, now=now)
    found = resending.resend_filtered(
        endpoint=endpoint, which=ClaimFilter(), arrival=Arrival.ANY, actor=owner, now=now, dry_run=True
    )
    hold_endpoint(endpoint=endpoint, actor=owner, now=now)
    assert (found, release_endpoint(endpoint=endpoint, actor=owner, now=now)) == (0, 0)


def test_a_draft_that_was_rehearsed_is_archived_instead_of_deleted(
    rehearse, campaign, owner, owner_linked, now
):
    rehearse()
    with pytest.raises(ValidationError, match="Archive it"):
        delete_draft(campaign=campaign, now=now, actor=owner)


def test_a_draft_with_a_run_that_was_killed_before_its_grant_is_not_deleted_either(
    campaign, attached, owner, now
):
    starting.start_rehearsal(campaign=campaign, viewer=owner, actor=owner, now=now)
    with pytest.raises(ValidationError, match="Archive it"):
        delete_draft(campaign=campaign, now=now, actor=owner)
    assert not AuditEvent.objects.filter(action="campaign.deleted").exists()


def test_a_draft_that_was_deleted_meanwhile_is_not_rehearsed(campaign, attached, studio_app, owner, now):
    as_looked_at = Campaign.objects.select_related("organization").get(pk=campaign.pk)
    delete_draft(campaign=campaign, now=now, actor=owner)
    with pytest.raises(Campaign.DoesNotExist):
        starting.start_rehearsal(campaign=as_looked_at, viewer=owner, actor=studio_app, now=now)


def test_a_campaign_that_left_test_mode_meanwhile_is_not_rehearsed(campaign, attached, owner, now):
    as_looked_at = Campaign.objects.select_related("organization").get(pk=campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(test_mode=False)
    with pytest.raises(ValidationError, match="in test mode"):
        starting.start_rehearsal(campaign=as_looked_at, viewer=owner, actor=owner, now=now)


def test_support_sees_the_grants(rehearse, owner, owner_linked, studio, rival_studio, now):
    rehearse()
    case = case_of(organization=studio, viewer_id=owner.pk, now=now)
    assert [grant.minutes for grant in case.grants] == [60]
    assert not case.claims
    assert case_of(organization=rival_studio, viewer_id=owner.pk, now=now) is None


def test_each_code_has_words() -> None:
    for kind, codes in STEPS.items():
        for code in (*codes, *ANYWHERE):
            values = {"minutes": 60, "channel": "streamer"}
            assert told(RehearsalStep(kind=kind, code=code, data=values)).text
