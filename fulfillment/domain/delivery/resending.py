"""Sending again: one delivery, one claim to every endpoint, every delivery that a filter finds, or every claim that
a filter finds to one endpoint.

A receiver knows a claim by its `claim_id`, so sending again is always safe. The message keeps its id
and its bytes. A ValidationError says why it is not sent, and what to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _, gettext_lazy

from accounts.domain import audit, permissions
from accounts.domain.permissions import Action
from accounts.domain.verbs import goes_ahead
from accounts.models import Organization, User
from config.locks import lock
from fulfillment.domain.claims.reading import ClaimFilter
from fulfillment.domain.delivery.messages import CLAIM_CREATED, claim_body
from fulfillment.domain.delivery.reading import Arrival, claims_at
from fulfillment.domain.delivery.status import OF_TEST
from fulfillment.models import Claim, Delivery, DeliveryState, Trigger, WebhookEndpoint

# A filtered resend is spread out, so that it neither floods the studio nor delays new claims.
BATCH = 500
BATCH_EVERY = timedelta(seconds=10)
MOST_AT_ONCE = 10_000

ON_ITS_WAY = gettext_lazy("An attempt is under way. Wait for the answer.")
OF_A_REHEARSAL = gettext_lazy("The claim is a rehearsal's. Rehearse the campaign again instead.")


@transaction.atomic
def resend_delivery(*, delivery: Delivery, actor: User, now: datetime) -> None:
    """Send a delivery again, at the next free turn, with a new schedule."""
    organization = delivery.endpoint.organization
    permissions.require(actor=actor, organization=organization, action=Action.RESEND)
    goes_ahead(why_not_resend(lock(delivery), now))
    _make_due(Delivery.objects.filter(pk=delivery.pk), now)
    audit.record("delivery.resent", delivery, by=actor, at=now, organization=organization)


def why_not_resend(delivery: Delivery, now: datetime) -> str:
    if delivery.endpoint.deleted_at is not None:
        return _("The endpoint was deleted. Send the claim to another endpoint.")
    if delivery.trigger == Trigger.REHEARSAL:
        return str(OF_A_REHEARSAL)
    return str(ON_ITS_WAY) if delivery.is_test or delivery.lease_token is not None else ""


@transaction.atomic
def resend_claim(*, claim: Claim, actor: User, now: datetime) -> list[WebhookEndpoint]:
    """Send a claim to every endpoint of its organization, also to endpoints that were added after the claim.
    Returns the endpoints, except those that an attempt is under way to."""
    permissions.require(actor=actor, organization=claim.organization, action=Action.RESEND)
    if claim.rehearsal_id is not None:
        raise ValidationError(OF_A_REHEARSAL)
    endpoints = WebhookEndpoint.objects.filter(
        organization=claim.organization_id, deleted_at=None, takes_claims=True
    )
    if not endpoints:
        raise ValidationError(_("There is no endpoint to send the claim to. Add one under Webhooks first."))
    sent_to = [endpoint for endpoint in endpoints if _send_again(endpoint, [claim], now=now, at=now)]
    if not sent_to:
        raise ValidationError(ON_ITS_WAY)
    audit.record(
        "claims.resent", claim, by=actor, at=now, data={"endpoints": [str(endpoint) for endpoint in sent_to]}
    )
    return sent_to


@transaction.atomic
def resend_filtered(
    *,
    endpoint: WebhookEndpoint,
    which: ClaimFilter,
    arrival: Arrival = Arrival.UNDELIVERED,
    actor: User,
    now: datetime,
    dry_run: bool,
) -> int:
    """Send the organization's claims that `which` finds, and that have come as far as `arrival`, to `endpoint`,
    also claims that are older than the endpoint. Returns the number of claims; with `dry_run` it only counts.

    50 a second at most. Too many at once are refused, and one while another is under way.
    """
    permissions.require(actor=actor, organization=endpoint.organization, action=Action.RESEND_MANY)
    claims = claims_at(endpoint, which, arrival)
    count = claims.count()
    if dry_run:
        return count
    if count > MOST_AT_ONCE:
        raise ValidationError(
            _("%(count)s claims match. At most %(most)s can be sent again at once. Choose a shorter period.")
            % {"count": f"{count:,}", "most": f"{MOST_AT_ONCE:,}"}
        )
    endpoint = _lock_for_many(endpoint, now)
    found = list(claims.order_by("id"))
    for first in range(0, len(found), BATCH):
        at = now + first // BATCH * BATCH_EVERY
        _send_again(endpoint, found[first : first + BATCH], now=now, at=at)
    limits = {name: str(value) for name, value in asdict(which).items() if value}
    audit.record(
        "endpoint.claims_resent",
        endpoint,
        by=actor,
        at=now,
        data={"claims": count, "which": {"arrival": arrival.value, **limits}},
    )
    return count


def can_be_resent(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Those that `resend_deliveries` sends: no tests, to endpoints that are there, with no attempt under way."""
    return deliveries.filter(~OF_TEST, endpoint__deleted_at=None, lease_token=None)


def count_to_resend(deliveries: QuerySet[Delivery]) -> int:
    """How many of them can be sent again; counted no further than one more than can be sent at once."""
    return can_be_resent(deliveries).order_by()[: MOST_AT_ONCE + 1].count()


@transaction.atomic
def resend_deliveries(
    *,
    organization: Organization,
    deliveries: QuerySet[Delivery],
    which: Mapping[str, str],
    actor: User,
    now: datetime,
) -> Mapping[WebhookEndpoint, int]:
    """Send those of `deliveries` again that can be, the oldest MOST_AT_ONCE of them, with new schedules. Returns how
    many go to each endpoint.

    `which` says for the audit trail how they were found. Each endpoint gets 50 a second at most. Refused while such
    a sending is under way to one of the endpoints.
    """
    permissions.require(actor=actor, organization=organization, action=Action.RESEND_MANY)
    own = can_be_resent(deliveries).filter(endpoint__organization=organization).order_by("pk")
    by_endpoint: defaultdict[str, list[str]] = defaultdict(list)
    for pk, endpoint_id in own.values_list("pk", "endpoint_id")[:MOST_AT_ONCE]:
        by_endpoint[endpoint_id].append(pk)
    sent: dict[WebhookEndpoint, int] = {}
    # In one order, so that two owners do not wait for each other.
    for found in WebhookEndpoint.objects.filter(pk__in=by_endpoint).order_by("pk"):
        endpoint = _lock_for_many(found, now)
        keys = by_endpoint[endpoint.pk]
        sent[endpoint] = sum(
            _make_due(
                Delivery.objects.filter(pk__in=keys[first : first + BATCH]),
                now + first // BATCH * BATCH_EVERY,
            )
            for first in range(0, len(keys), BATCH)
        )
        data = {"deliveries": sent[endpoint], "which": dict(which)}
        audit.record("endpoint.deliveries_resent", endpoint, by=actor, at=now, data=data)
    return sent


def _lock_for_many(endpoint: WebhookEndpoint, now: datetime) -> WebhookEndpoint:
    """Locked, so that two owners cannot begin at the same time. ValidationError while many are sent again to it."""
    endpoint = lock(endpoint)
    under_way = endpoint.deliveries.filter(
        state=DeliveryState.PENDING,
        trigger=Trigger.RESEND,
        next_attempt_at__gt=now - BATCH_EVERY,
        lease_token=None,
    )
    last = under_way.aggregate(at=Max("next_attempt_at"))["at"]
    if last is not None:
        raise ValidationError(
            _("Claims are being sent to %(endpoint)s again until %(until)s UTC. Wait until then.")
            % {"endpoint": endpoint, "until": f"{last + BATCH_EVERY:%H:%M:%S}"}
        )
    return endpoint


def a_part_of(endpoint: WebhookEndpoint, which: ClaimFilter, arrival: Arrival) -> datetime | None:
    """The minute before which a part of these claims was made that can be sent at once, the oldest ones.

    None if there is none: all of them can be sent at once, or too many were made in one minute.
    """
    claims = claims_at(endpoint, which, arrival).order_by("id").values_list("created_at", flat=True)
    first_too_many = claims[MOST_AT_ONCE : MOST_AT_ONCE + 1].first()
    if first_too_many is None:
        return None
    until = first_too_many.replace(second=0, microsecond=0)
    oldest = claims.first()
    return until if oldest is not None and oldest < until else None


def _send_again(endpoint: WebhookEndpoint, claims: list[Claim], *, now: datetime, at: datetime) -> int:
    """Make `claims` due at `at`; returns how many: all but those with an attempt under way."""
    there = Delivery.objects.filter(endpoint=endpoint, claim__in=claims)
    known = set(there.values_list("claim_id", flat=True))
    again = _make_due(there, at)
    first = Delivery.objects.bulk_create(
        [
            Delivery(
                endpoint=endpoint,
                claim=claim,
                event_type=CLAIM_CREATED,
                body=claim_body(claim),
                trigger=Trigger.RESEND,
                next_attempt_at=at,
                created_at=now,
            )
            for claim in claims
            if claim.pk not in known
        ],
        # A claim being committed right now may bring its own.
        ignore_conflicts=True,
    )
    return again + len(first)


def _make_due(deliveries: QuerySet[Delivery], at: datetime) -> int:
    """Begin the schedule anew at `at`, except for deliveries with an attempt under way."""
    return deliveries.filter(lease_token=None).update(
        state=DeliveryState.PENDING,
        trigger=Trigger.RESEND,
        failures=0,
        retrying_since=None,
        next_attempt_at=at,
    )
