"""A rehearsal goes the whole way of a claim, and leaves no trace in any number."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from accounts.domain import links
from accounts.models import AuditEvent
from drops.domain.watch.figures import totals
from drops.models import ChannelDay, Grant, NetworkDay, Progress, RewardHour, WatchHour, WatchInterval
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
from fulfillment.domain.rehearsals.reading import report, with_reports
from fulfillment.domain.rehearsals.words import ANYWHERE, STEPS, told
from fulfillment.models import Attempt, Claim, Delivery, DeliveryState, Rehearsal, RehearsalStep
from tests import factories
from tests.fulfillment.domain.rehearsals.steps import steps

pytestmark = pytest.mark.django_db


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


def test_a_stand_in_leaves_the_link_out_and_says_so(rehearse, endpoint, receiver):
    rehearsal = rehearse(stand_in=True)
    assert (rehearsal.state, steps(rehearsal)["link"]) == ("passed", ("skipped", "stand_in"))
    assert Claim.objects.get().game_account_id == ""


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


def test_without_an_endpoint_the_delivery_is_left_out(rehearse, owner_linked):
    assert (rehearse().state, steps(Rehearsal.objects.get())["delivery"]) == (
        "passed",
        ("skipped", "no_endpoint"),
    )


def test_an_endpoint_that_is_not_verified_fails_the_delivery(rehearse, owner_linked, studio):
    factories.WebhookEndpointFactory(organization=studio, verified_at=None)
    assert steps(rehearse())["delivery"] == ("failed", "not_ready")
    assert not Delivery.objects.exists()


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
