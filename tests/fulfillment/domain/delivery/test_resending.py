"""Sending again: one delivery, or what a filter finds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent
from fulfillment.domain.claims.reading import ClaimFilter
from fulfillment.domain.delivery import resending
from fulfillment.domain.delivery.queue import take_due
from fulfillment.domain.delivery.reading import Arrival
from fulfillment.domain.delivery.resending import (
    resend_claim,
    resend_delivery,
    resend_filtered,
)
from fulfillment.models import Delivery, DeliveryState
from tests import factories
from tests.fulfillment.delivering import deliver_due, make_claim, make_delivery

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def test_a_delivered_claim_is_sent_again_with_the_same_id_and_bytes(endpoint, receiver, owner, now):
    delivery = make_delivery(endpoint, now)
    deliver_due(now)

    resend_delivery(delivery=delivery, actor=owner, now=now + DAY)
    deliver_due(now + DAY)

    first, second = receiver.received
    assert (first.message_id, first.body) == (second.message_id, second.body)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.delivered_at < now + DAY) == (DeliveryState.DELIVERED, True)
    assert [attempt.trigger for attempt in delivery.attempts.all()] == ["claim", "resend"]


def test_a_held_delivery_begins_its_schedule_anew(endpoint, receiver, owner, now):
    delivery = make_delivery(
        endpoint,
        now,
        state=DeliveryState.FAILED,
        next_attempt_at=None,
        failures=14,
        retrying_since=now - 6 * DAY,
    )
    receiver.answers(500)
    resend_delivery(delivery=delivery, actor=owner, now=now)
    deliver_due(now)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.failures) == (DeliveryState.PENDING, 1)


def test_what_is_on_its_way_is_not_sent_twice(endpoint, owner, now):
    delivery = make_delivery(endpoint, now)
    take_due(limit=1, now=now)

    with pytest.raises(ValidationError):
        resend_delivery(delivery=delivery, actor=owner, now=now)
    assert not AuditEvent.objects.filter(action="delivery.resent").exists()


def test_to_an_endpoint_that_was_deleted_nothing_is_sent(endpoint, owner, now):
    delivery = make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)
    endpoint.deleted_at = now
    endpoint.save()

    with pytest.raises(ValidationError, match="deleted"):
        resend_delivery(delivery=delivery, actor=owner, now=now)


def test_a_dry_run_counts_and_changes_nothing(endpoint, owner, studio, now):
    make_claim(studio, now)

    count = resend_filtered(endpoint=endpoint, which=ClaimFilter(), actor=owner, now=now, dry_run=True)

    assert count == 1
    assert not Delivery.objects.exists()


def test_claims_made_before_the_endpoint_are_sent_to_it(endpoint, receiver, owner, studio, now):
    claims = [make_claim(studio, now - DAY) for _ in range(3)]

    assert resend_filtered(endpoint=endpoint, which=ClaimFilter(), actor=owner, now=now, dry_run=False) == 3
    deliver_due(now)

    assert len(receiver.received) == 3
    assert all(claim.id in str(receiver.received) for claim in claims)


def test_no_claim_of_another_organization_is_sent(endpoint, owner, rival_studio, now):
    make_claim(rival_studio, now)
    everything = {"which": ClaimFilter(), "arrival": Arrival.ANY}

    assert resend_filtered(endpoint=endpoint, **everything, actor=owner, now=now, dry_run=False) == 0
    assert not Delivery.objects.exists()


def test_a_filtered_resend_is_spread_out_and_one_at_a_time(endpoint, owner, studio, now, monkeypatch):
    monkeypatch.setattr(resending, "BATCH", 2)
    for _ in range(5):
        make_claim(studio, now)
    resend_filtered(endpoint=endpoint, which=ClaimFilter(), actor=owner, now=now, dry_run=False)

    due = Delivery.objects.order_by("next_attempt_at").values_list("next_attempt_at", flat=True)
    assert [(at - now).seconds for at in due] == [0, 0, 10, 10, 20]
    again = {"endpoint": endpoint, "which": ClaimFilter(), "actor": owner, "dry_run": False}
    for seconds in (0, 29):
        with pytest.raises(ValidationError, match="again until 12:00:30 UTC"):
            resend_filtered(now=now + timedelta(seconds=seconds), **again)
    assert resend_filtered(now=now + timedelta(seconds=30), **again) == 5


def test_too_many_at_once_are_refused(endpoint, owner, studio, now, monkeypatch):
    monkeypatch.setattr(resending, "MOST_AT_ONCE", 1)
    for _ in range(2):
        make_claim(studio, now)

    with pytest.raises(ValidationError, match="At most 1 can be sent"):
        resend_filtered(endpoint=endpoint, which=ClaimFilter(), actor=owner, now=now, dry_run=False)
    assert not Delivery.objects.exists()


def test_of_too_many_the_oldest_can_be_sent_at_once(endpoint, owner, studio, now, monkeypatch):
    monkeypatch.setattr(resending, "MOST_AT_ONCE", 3)

    def part(**limits):
        return resending.a_part_of(endpoint, ClaimFilter(**limits), Arrival.NEVER_SENT)

    for second in (0, 10, 50, 70, 80):
        make_claim(studio, now + timedelta(seconds=second))
    until = now + timedelta(minutes=1)
    assert part() == until
    assert part(until=until) is None  # these three are sent at once
    assert part(since=until) is None
    for second in range(100, 104):
        make_claim(studio, now + timedelta(seconds=second))
    assert part(since=until) is None  # too many in one minute


def test_resends_are_audited(endpoint, owner, studio, now):
    make_claim(studio, now)
    campaign = factories.CampaignFactory(organization=studio)
    which = ClaimFilter(campaign_id=campaign.pk, until=now)

    resend_filtered(endpoint=endpoint, which=which, actor=owner, now=now, dry_run=False)

    event = AuditEvent.objects.get(action="endpoint.claims_resent")
    assert (event.actor, event.data["claims"]) == (owner, 0)
    assert event.data["which"] == {"arrival": "undelivered", "campaign_id": campaign.pk, "until": str(now)}


def test_a_claim_is_sent_to_every_endpoint_also_to_one_made_after_it(endpoint, owner, studio, now):
    claim = make_delivery(
        endpoint, now, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=now
    ).claim
    later = factories.WebhookEndpointFactory(organization=studio)
    factories.WebhookEndpointFactory(organization=studio, deleted_at=now)
    factories.WebhookEndpointFactory()

    sent_to = resend_claim(claim=claim, actor=owner, now=now + DAY)

    assert set(sent_to) == {endpoint, later}
    deliveries = Delivery.objects.filter(claim=claim)
    assert {delivery.endpoint for delivery in deliveries} == {endpoint, later}
    assert {(delivery.state, delivery.next_attempt_at) for delivery in deliveries} == {
        (DeliveryState.PENDING, now + DAY)
    }
    event = AuditEvent.objects.get(action="claims.resent")
    assert (event.actor, event.target_id, len(event.data["endpoints"])) == (owner, claim.pk, 2)


def test_a_claim_on_its_way_to_its_only_endpoint_is_not_sent_twice(endpoint, owner, now):
    claim = make_delivery(endpoint, now).claim
    take_due(limit=1, now=now)

    with pytest.raises(ValidationError, match="under way"):
        resend_claim(claim=claim, actor=owner, now=now)
    assert not AuditEvent.objects.filter(action="claims.resent").exists()


def test_a_claim_without_an_endpoint_to_go_to_is_refused_in_words(owner, studio, now):
    with pytest.raises(ValidationError, match="Add one"):
        resend_claim(claim=make_claim(studio, now), actor=owner, now=now)
