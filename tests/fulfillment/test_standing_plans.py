"""Among many that arrived, the few that did not are found by an index, on PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import orjson
import pytest
from django.db import connection
from django.db.models import QuerySet
from ulid import ULID

from accounts.models import Organization
from fulfillment.domain.standing import DELIVERIES, OF_CLAIMS, claims_in
from fulfillment.models import Claim, Delivery, DeliveryState
from tests import factories
from tests.fulfillment.delivering import make_delivery

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

COUNT = 40_000
PAGE = 51


@pytest.fixture
def many(studio: Organization, now: datetime) -> None:
    """A few of each standing among many that were delivered."""
    held = factories.WebhookEndpointFactory(organization=studio, held_at=now, held_reason="owner")
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    arrived = make_delivery(
        endpoint, now, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=now
    )
    for _ in range(3):
        make_delivery(endpoint, now)
        make_delivery(held, now)
        make_delivery(endpoint, now, state=DeliveryState.HELD, next_attempt_at=None)
        Delivery.objects.create(
            endpoint=endpoint, event_type="drops.test", body=b"{}", state=DeliveryState.HELD, created_at=now
        )
    columns = {
        Claim: "organization_id, campaign_id, reward_id, external_id, external_status, created_at, updated_at",
        Delivery: "endpoint_id, event_type, body, state, trigger, attempt_count, failures, delivered_at, created_at",
    }
    ulid = "(lpad(to_hex(%(at)s::bigint + n), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")  # the viewers need not exist
        for model, column, value, like in (
            (Claim, "viewer_id", "n + 100000", arrived.claim_id),
            (Delivery, "claim_id", ulid, arrived.pk),
        ):
            table, copied = model._meta.db_table, columns[model]
            cursor.execute(
                f"""
                INSERT INTO {table} (id, {column}, {copied}) SELECT {ulid}, {value}, {copied}
                FROM {table}, generate_series(1, %(count)s) AS n WHERE id = %(like)s
                """,  # noqa: S608 - names of ours
                {
                    "at": int((factories.NOW + timedelta(hours=1)).timestamp() * 1000),
                    "count": COUNT,
                    "like": ULID.from_str(like).to_uuid(),
                },
            )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE fulfillment_claim, fulfillment_delivery, fulfillment_webhookendpoint")


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *chain.from_iterable(nodes(child) for child in plan.get("Plans", []))]


def blocks_read(rows: QuerySet[Any]) -> int:
    (explained,) = orjson.loads(rows.explain(format="json", analyze=True, buffers=True))
    plan = nodes(explained["Plan"])
    # The organization has a handful of endpoints.
    scanned = {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"}
    assert scanned <= {"fulfillment_webhookendpoint"}
    return max(node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0) for node in plan)


def test_a_page_of_each_standing_is_found_by_an_index(studio: Organization, many: None) -> None:
    deliveries = Delivery.objects.filter(endpoint__organization=studio).order_by("-id")
    claims = Claim.objects.filter(organization=studio).order_by("-id")
    asked = [deliveries.filter(wanted) for wanted in DELIVERIES.values()]
    asked += [claims_in(claims, standing) for standing in OF_CLAIMS]
    assert [rows.count() for rows in asked] == [COUNT + 1, 3, 3, 3, 3, COUNT + 1, 3, 3, 3]
    # An index or two for each row of a page, as the planner likes; whoever reads them all reads thousands.
    assert max(blocks_read(rows[:PAGE]) for rows in asked) < 10 * PAGE
