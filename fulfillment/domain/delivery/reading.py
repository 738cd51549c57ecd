"""Reads deliveries for owners and operators, and claims by their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Exists, F, Min, OuterRef, Prefetch, Q, QuerySet, TextChoices
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, parse_ulid
from config.ulid import UlidEnd, first_ulid, ulid_end, ulid_parameter
from fulfillment.domain.claims.reading import ClaimFilter, claims_of
from fulfillment.domain.delivery.status import DELIVERY_RULES, OF_CLAIM, PENDING, DeliveryStatus
from fulfillment.models import Attempt, Claim, Delivery, WebhookEndpoint

# How far the time in an id may be from the moment that the delivery counts as made.
CLOSE = timedelta(hours=1)
# Ids with the same end: one among 10 ** 12 has it.
MOST_ALIKE = 20


def search_deliveries(deliveries: QuerySet[Delivery], term: str) -> QuerySet[Delivery]:
    """Find deliveries by their own id or their claim's, whole or by its last eight characters, or by the viewer's id.

    An empty term finds all, a term that is no id none.
    """
    term = term.strip()
    if not term:
        return deliveries
    if ulid := parse_ulid(term):
        return deliveries.filter(Q(pk=ulid) | Q(claim=ulid))
    if end := ulid_end(term):
        claims = Claim.objects.filter(Exact(UlidEnd("id"), end)).values_list("pk", flat=True)
        # The few that are found, so that each half goes by its own index.
        found = deliveries.filter(Q(Exact(UlidEnd("id"), end)) | Q(claim__in=list(claims[:MOST_ALIKE])))
        if not term.isdecimal() or found.exists():
            return found
    if term.isdecimal() and len(term) < 19:
        return deliveries.filter(claim__viewer=int(term))
    return deliveries.none()


def made_between(
    deliveries: QuerySet[Delivery], *, since: datetime | None = None, until: datetime | None = None
) -> QuerySet[Delivery]:
    """Those that were made from `since` on and before `until`, None being no limit.

    An id is drawn when the delivery is made, so that the order of ids leads to the time.
    """
    if since is not None:
        deliveries = deliveries.filter(created_at__gte=since, pk__gte=first_ulid(_in_range(since - CLOSE)))
    if until is not None:
        deliveries = deliveries.filter(created_at__lt=until, pk__lt=first_ulid(_in_range(until + CLOSE)))
    return deliveries


def among_claims_of(deliveries: QuerySet[Delivery], campaigns: Sequence[int]) -> QuerySet[Delivery]:
    """Those between the first claim of `campaigns`, ids, and the last: what a join with the claims need read.

    `deliveries` must be joined with them. Two queries by an index.
    """
    own = Claim.objects.filter(campaign__in=campaigns).order_by("id").values("pk")
    first, last = own.first(), own.last()
    if first is None or last is None:
        return deliveries.none()
    # Of the claims, not of the deliveries that refer to them, where the ORM would ask it: by their key.
    ids = [ulid_parameter(first["pk"]), ulid_parameter(last["pk"])]
    between = deliveries.filter(claim__gte=first["pk"], claim__lte=last["pk"])
    return between.extra(where=["fulfillment_claim.id BETWEEN %s AND %s"], params=ids)


def _in_range(at: datetime) -> datetime:
    """What a ULID can tell: 1970 and later."""
    return max(at, datetime.fromtimestamp(0, UTC))


class DeliveryFigures(NamedTuple):
    """Deliveries by their status, as there are now. Only `held` includes tests. `oldest_waiting` may be None."""

    waiting: int
    held: int
    failed: int
    oldest_waiting: datetime | None

    @property
    def needs_you(self) -> int:
        return self.held + self.failed


def delivery_figures(*, organization: Organization) -> DeliveryFigures:
    """Two queries, each by an index of what is not delivered: what has arrived is not looked at."""
    endpoints = list(organization.webhook_endpoints.values_list("pk", flat=True))
    own = Delivery.objects.filter(endpoint__in=endpoints)
    waiting = DELIVERY_RULES[DeliveryStatus.WAITING] & OF_CLAIM
    pending = own.filter(PENDING).aggregate(
        waiting=Count("pk", filter=waiting),
        held=Count("pk", filter=DELIVERY_RULES[DeliveryStatus.HELD]),
        oldest_waiting=Min("created_at", filter=waiting),
    )
    return DeliveryFigures(**pending, failed=own.filter(DELIVERY_RULES[DeliveryStatus.FAILED]).count())


def with_latest_attempts(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """The same deliveries, each with `latest_attempts`: the last finished attempt, and perhaps the one before it,
    without headers and bodies. One more query for all deliveries."""
    # An attempt that is under way has the last number.
    latest = (
        Attempt.objects.filter(number__gt=F("delivery__attempt_count") - 2)
        .only("delivery_id", "number", "status", "error_class")
        .order_by("-number")
    )
    return deliveries.prefetch_related(Prefetch("attempts", latest, to_attr="latest_attempts"))


class Arrival(TextChoices):
    """How far claims have come at an endpoint."""

    ANY = "any", _("All")
    DELIVERED = "delivered", _("Delivered")
    UNDELIVERED = "undelivered", _("Not delivered yet")
    NEVER_SENT = "never_sent", _("Never sent to this endpoint")


def claims_at(endpoint: WebhookEndpoint, which: ClaimFilter, arrival: Arrival) -> QuerySet[Claim]:
    """The claims of the endpoint's organization that `which` finds and that have come as far as `arrival`."""
    claims = claims_of(endpoint.organization_id, which).filter(rehearsal=None)
    sent = Delivery.objects.filter(endpoint=endpoint, claim=OuterRef("pk"))
    arrived = Exists(sent.filter(delivered_at__isnull=False))
    match arrival:
        case Arrival.DELIVERED:
            return claims.filter(arrived)
        case Arrival.UNDELIVERED:
            return claims.filter(~arrived)
        case Arrival.NEVER_SENT:
            return claims.filter(~Exists(sent))
    return claims
