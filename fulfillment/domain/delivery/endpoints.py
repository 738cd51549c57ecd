"""Webhook endpoints: what owners do with them.

An endpoint gets claims once it has answered a signed test event with 2xx. Such an event is sent when the
endpoint is added or its URL changes, and sent again by the schedule of retries until it arrives. Claims that
are made before that wait, as they do while the endpoint is held. Claims that were made while the organization
had no endpoint are not sent automatically: owners send them with `resending.resend_filtered`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions, two_owners
from accounts.domain.consequences import Consequence
from accounts.domain.permissions import Action
from accounts.domain.two_owners import Act, wait_for_second_owner
from accounts.domain.verbs import ALREADY, change, explained, goes_ahead, lock_for
from accounts.models import Organization, Proposal, User, new_ulid
from config.locks import lock
from fulfillment.domain.delivery import attempts, queue
from fulfillment.domain.delivery.status import HELD, OF_TEST, holds
from fulfillment.models import (
    CAMPAIGN_EVENT,
    CAMPAIGN_EVENTS,
    CLAIM_CREATED,
    Attempt,
    Delivery,
    DeliveryState,
    HoldReason,
    Trigger,
    WebhookEndpoint,
)
from fulfillment.outbound.targets import TargetRefused, parse_target

MAX_ENDPOINTS = 5
TEST_EVENT = "drops.test"
NOBODY = "0" * 26  # the ULID of no campaign and no reward
TEST_DEADLINE = 5.0
TESTS_PER_MINUTE = 6


class TooManyTests(ValidationError):
    """Tests are limited, so that nobody uses this server to flood another: try again in a minute."""


@transaction.atomic
def create_endpoint(
    *,
    organization: Organization,
    url: str,
    actor: User,
    now: datetime,
    acknowledge_within_hours: int | None = None,
    events: Sequence[str] = (CLAIM_CREATED,),
    limited: bool = True,
) -> WebhookEndpoint:
    """Add an endpoint. A worker sends it the test event that verifies it. Raises ValidationError.

    `events` are types of events that are sent to it: claims, and phase changes of campaigns.
    `limited` is False for a command of the operators: the limit of tests a minute is made for people.
    """
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_ENDPOINTS)
    _check_url(url)
    # The organization's row is locked, so that two requests cannot both add the last one allowed.
    organization = lock(organization)
    if organization.webhook_endpoints.filter(deleted_at=None).count() >= MAX_ENDPOINTS:
        raise ValidationError(
            _("An organization can have at most %(count)d endpoints. Delete one first.")
            % {"count": MAX_ENDPOINTS}
        )
    endpoint = WebhookEndpoint(
        organization=organization,
        url=url,
        acknowledge_within_hours=acknowledge_within_hours,
        **_asked_for(events),
    )
    _save(endpoint)
    audit.record("endpoint.created", endpoint, by=actor, at=now, data={"url": str(endpoint)})
    _ask_for_verification(endpoint, actor, now, limited)
    return endpoint


@transaction.atomic
def change_endpoint(
    *, endpoint: WebhookEndpoint, actor: User, now: datetime, limited: bool = True, **changes: Any
) -> WebhookEndpoint:
    """Change `url`, `acknowledge_within_hours` or `events`. A new URL must be verified anew. Raises ValidationError.

    What waits already is sent, whatever it asks for from now on.
    What waits for the endpoint goes to the new URL. `limited` is what it is for `create_endpoint`.
    """
    locked = lock_for(endpoint, actor=actor, action=Action.CHANGE_ENDPOINTS)
    before, shown_before = {name: getattr(locked, name) for name in changes}, str(locked)
    asked_for = _asked_for(changes["events"]) if "events" in changes else {}
    for name, value in {**changes, **asked_for}.items():
        if name != "events":
            setattr(locked, name, value)
    changes |= {"events": locked.events} if asked_for else {}
    moved = "url" in changes and changes["url"] != before["url"]
    if moved:
        _check_url(locked.url)
        locked.verified_at = locked.failing_since = locked.released_at = locked.breaker_open_until = None
    _save(locked)
    changed = {name: [before[name], value] for name, value in changes.items() if before[name] != value}
    if moved:
        changed["url"] = [shown_before, str(locked)]
    if changed:
        audit.record("endpoint.changed", locked, by=actor, at=now, data=changed)
    if moved:
        _ask_for_verification(locked, actor, now, limited)
    return locked


@transaction.atomic
def delete_endpoint(
    *, endpoint: WebhookEndpoint, actor: User, now: datetime, agreed: Proposal | None = None
) -> None:
    """Take an endpoint out of use. Its history stays; what waited for it is not sent.

    The claims themselves stay in the API, and can be sent to another endpoint with `resend_filtered`.
    SecondOwnerNeeded where the two-owner rule holds.
    """
    locked = lock_for(endpoint, actor=actor, action=Action.CHANGE_ENDPOINTS)
    if locked.deleted_at is None:
        wait_for_second_owner(DELETE, locked, actor=actor, now=now, agreed=agreed)
        change(locked, "endpoint.deleted", by=actor, at=now, data={"url": str(locked)}, deleted_at=now)


DELETE = two_owners.register(
    Act(
        code="endpoint.delete",
        model=WebhookEndpoint,
        action=Action.CHANGE_ENDPOINTS,
        name=lambda endpoint: endpoint.server,
        run=lambda endpoint, proposal, now: delete_endpoint(
            endpoint=endpoint, actor=proposal.asked_by, now=now, agreed=proposal
        ),
    )
)


@transaction.atomic
def hold_endpoint(*, endpoint: WebhookEndpoint, actor: User, now: datetime) -> None:
    """Send nothing more to the endpoint until it is released. Claims wait; nothing is dropped."""
    locked = lock_for(endpoint, actor=actor, action=Action.CHANGE_ENDPOINTS)
    if goes_ahead(why_not_hold(locked, now)):
        reason = HoldReason.OWNER
        data = {"reason": reason}
        change(locked, "endpoint.held", by=actor, at=now, data=data, held_at=now, held_reason=reason)


@transaction.atomic
def hold_by_operator(*, endpoint: WebhookEndpoint, reason: str, actor: User, now: datetime) -> None:
    """As `hold_endpoint`, until an operator releases it. ValidationError without a reason, which its members read."""
    permissions.require_operator(actor, Action.OPERATE)
    locked = lock(endpoint)
    if goes_ahead(why_not_hold_by_operator(locked, now)):
        held = HoldReason.OPERATOR
        data = {"reason": held, **explained(reason)}
        change(locked, "endpoint.held", by=actor, at=now, data=data, held_at=now, held_reason=held)


def why_not_hold_by_operator(endpoint: WebhookEndpoint, now: datetime) -> str:
    if endpoint.deleted_at is not None:
        return _("The endpoint was deleted.")
    return ALREADY if endpoint.held_reason == HoldReason.OPERATOR else ""


def of_holding(endpoint: WebhookEndpoint, now: datetime) -> list[Consequence]:
    """What stops while an operator holds it."""
    return [
        Consequence(_("Nothing more is sent to it. Claims wait, and nothing is lost.")),
        Consequence(_("Its organization cannot release it. Only operators can.")),
    ]


def why_not_hold(endpoint: WebhookEndpoint, now: datetime) -> str:
    return ALREADY if holds(HELD, endpoint) else ""


@transaction.atomic
def release_endpoint(*, endpoint: WebhookEndpoint, actor: User, now: datetime) -> int:
    """Send to the endpoint again, beginning with the deliveries that waited. Returns the number of these.

    An endpoint that goes on failing is held again after five more days.
    """
    locked = lock_for(endpoint, actor=actor, action=Action.CHANGE_ENDPOINTS)
    return _release(locked, actor, now) if goes_ahead(why_not_release(locked, now)) else 0


@transaction.atomic
def release_by_operator(*, endpoint: WebhookEndpoint, reason: str, actor: User, now: datetime) -> int:
    """As `release_endpoint`, whoever holds it. ValidationError without a reason, which its members read."""
    permissions.require_operator(actor, Action.OPERATE)
    locked = lock(endpoint)
    if not goes_ahead(why_not_release_by_operator(locked, now)):
        return 0
    return _release(locked, actor, now, explained(reason))


def why_not_release_by_operator(endpoint: WebhookEndpoint, now: datetime) -> str:
    return "" if holds(HELD, endpoint) else ALREADY


def _release(
    locked: WebhookEndpoint, actor: User, now: datetime, more: Mapping[str, str] | None = None
) -> int:
    locked.held_at, locked.held_reason = None, ""
    locked.breaker_open_until, locked.breaker_counts_from = None, now
    if locked.failing_since is not None:
        locked.released_at = now
    locked.save()
    waiting = locked.deliveries.filter(
        ~OF_TEST, state__in=[DeliveryState.PENDING, DeliveryState.FAILED], lease_token=None
    ).exclude(trigger=Trigger.REHEARSAL)
    count = waiting.update(
        state=DeliveryState.PENDING,
        trigger=Trigger.RESEND,
        failures=0,
        retrying_since=None,
        next_attempt_at=now,
    )
    audit.record("endpoint.released", locked, by=actor, at=now, data={"deliveries": count, **(more or {})})
    return count


def why_not_release(endpoint: WebhookEndpoint, now: datetime) -> str:
    if endpoint.held_reason == HoldReason.OPERATOR:
        return _("The platform holds this endpoint. Its operators release it.")
    return "" if holds(HELD, endpoint) else ALREADY


def send_test_event(*, endpoint: WebhookEndpoint, actor: User, now: datetime) -> Attempt:
    """Send a signed test event and return the whole exchange. An answer of 2xx verifies the endpoint.

    It takes 5 seconds at most, and is not tried again. Raises TooManyTests. Not to be called
    in a transaction.
    """
    lease = _create_test(endpoint, actor, now)
    return attempts.attempt(lease, now=now, deadline=TEST_DEADLINE)


@transaction.atomic
def _create_test(endpoint: WebhookEndpoint, actor: User, now: datetime) -> queue.Lease:
    locked = lock_for(endpoint, actor=actor, action=Action.SEND_TEST_EVENTS)
    _check_limit(locked, now)
    delivery = test_event(locked, actor, now)
    delivery.trigger = Trigger.TEST
    audit.record("endpoint.tested", locked, by=actor, at=now, data={"delivery": delivery.pk})
    return queue.create_leased(delivery, now=now, deadline=TEST_DEADLINE)


def _ask_for_verification(endpoint: WebhookEndpoint, actor: User, now: datetime, limited: bool) -> None:
    """A test event that a worker sends at once, and again by the schedule until it arrives.

    Nothing leaves for an organization that waits for approval: its owners send the event afterwards.
    """
    if not permissions.state_allows(endpoint.organization, Action.SEND_TEST_EVENTS):
        return
    if limited:
        _check_limit(endpoint, now)
    superseded = endpoint.deliveries.filter(OF_TEST, state=DeliveryState.PENDING, lease_token=None)
    superseded.update(state=DeliveryState.FAILED, next_attempt_at=None)
    test_event(endpoint, actor, now).save(force_insert=True)


def _check_limit(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Raises TooManyTests."""
    recent = Delivery.objects.filter(
        OF_TEST,
        endpoint__organization=endpoint.organization_id,
        created_at__gt=now - timedelta(minutes=1),
    )
    if recent.count() >= TESTS_PER_MINUTE:
        raise TooManyTests(
            _(
                "At most %(count)d test events can be sent in a minute. A new URL is sent one too. "
                "Try again in a minute."
            )
            % {"count": TESTS_PER_MINUTE}
        )


def test_event(endpoint: WebhookEndpoint, actor: User, now: datetime) -> Delivery:
    """A test event, unsaved. It has the shape of a claim, but its campaign and its reward do not exist."""
    message_id = new_ulid()
    body = {
        "claim_id": message_id,
        "user_id": actor.pk,
        "campaign_id": NOBODY,
        "reward_id": NOBODY,
        "external_id": "test",
    }
    return Delivery(
        id=message_id,
        endpoint=endpoint,
        event_type=TEST_EVENT,
        body=orjson.dumps(body),
        trigger=Trigger.VERIFICATION,
        next_attempt_at=now,
        created_at=now,
    )


def _save(endpoint: WebhookEndpoint) -> None:
    endpoint.full_clean()
    endpoint.save()


def _asked_for(events: Sequence[str]) -> dict[str, Any]:
    """The endpoint's columns, each type once and in our order. ValidationError for none, or unknown ones."""
    campaigns = [kind for kind in CAMPAIGN_EVENTS if f"{CAMPAIGN_EVENT}{kind}" in events]
    known = {CLAIM_CREATED, *(f"{CAMPAIGN_EVENT}{kind}" for kind in campaigns)}
    if not events or not known.issuperset(events):
        raise ValidationError({"events": _("Choose at least one event.")})
    return {"takes_claims": CLAIM_CREATED in events, "campaign_events": " ".join(campaigns)}


def _check_url(url: str) -> None:
    try:
        parse_target(url)
    except TargetRefused as refusal:
        raise ValidationError({"url": str(refusal)}) from None
