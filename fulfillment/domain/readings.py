"""What Prometheus and the operators' page read of deliveries and the studios' servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Case, Count, OuterRef, Subquery, Value, When

from config.metrics import Gauge, Reading
from fulfillment.domain.delivery import status
from fulfillment.domain.delivery.queue import due
from fulfillment.domain.delivery.status import EndpointStatus, endpoint_rules
from fulfillment.models import WebhookEndpoint

# Counting goes no further: more than this is an outage, however much more it is.
MOST_COUNTED = 10_000

DUE = Gauge(
    "drops_deliveries_due", f"Deliveries that workers could attempt now; {MOST_COUNTED:,} means more."
)
OLDEST = Gauge("drops_delivery_oldest_due_seconds", "How long the oldest of them has been due.")
ENDPOINTS = Gauge("drops_endpoints", "Studios' servers, by status; paused: the breaker is open.", ("status",))


def read_deliveries(now: datetime) -> Iterator[Reading]:
    """What is due at endpoints that take claims now: an outage of a studio's makes nothing late."""
    due_there = due(now).filter(lease_token=None)
    taking = WebhookEndpoint.objects.filter(status.TAKES_CLAIMS).exclude(status.paused(now))
    oldest = (
        due_there.filter(endpoint=OuterRef("pk")).order_by("next_attempt_at").values("next_attempt_at")[:1]
    )
    moments = dict(taking.annotate(oldest=Subquery(oldest)).values_list("pk", "oldest"))
    with_work = [pk for pk, moment in moments.items() if moment is not None]
    count = due_there.filter(endpoint__in=with_work)[:MOST_COUNTED].count() if with_work else 0
    yield Reading(DUE, count)
    yield Reading(OLDEST, max(((now - moments[pk]).total_seconds() for pk in with_work), default=0.0))
    rules = [When(rule, then=Value(each.value)) for each, rule in endpoint_rules(now) if rule]
    present = WebhookEndpoint.objects.exclude(status.DELETED)
    statuses = present.values_list(Case(*rules, default=Value(EndpointStatus.WORKING.value)))
    by_status = dict(statuses.annotate(Count("pk")).order_by())
    for each in EndpointStatus:
        if each != EndpointStatus.DELETED:
            yield Reading(ENDPOINTS, by_status.get(each.value, 0), (each.value,))
