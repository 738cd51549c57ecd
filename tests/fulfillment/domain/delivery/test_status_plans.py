"""Among many that arrived, the few that did not are found by an index, on PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from ulid import ULID

from accounts.models import Organization
from fulfillment.domain.delivery.status import DELIVERY_FILTERS, LISTED_CLAIMS, Step, claims_in
from fulfillment.models import Claim, Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.fulfillment.delivering import make_delivery
from tests.plans import analyze, empty, rows_read

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

PAGE = 51
FEW, MANY = 5_000, 20_000
ULID_OF_N = "(lpad(to_hex(%(at)s::bigint + n), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid"


@pytest.fixture
def arrived(studio: Organization, now: datetime) -> Delivery:
    """One delivery that arrived, beside three of each other status."""
    empty(Claim, Delivery)
    held = factories.WebhookEndpointFactory(organization=studio, held_at=now, held_reason="owner")
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    for _ in range(3):
        make_delivery(endpoint, now)
        make_delivery(held, now)
        make_delivery(endpoint, now, state=DeliveryState.FAILED, next_attempt_at=None)
        Delivery.objects.create(
            endpoint=endpoint, event_type="drops.test", body=b"{}", state=DeliveryState.FAILED, created_at=now
        )
    return make_delivery(endpoint, now, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=now)


def copy(arrived: Delivery, *, first: int, last: int) -> None:
    """More that arrived, numbered from `first` to `last`."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # the viewers need not exist
        for model, column, value, like in (
            (Claim, "viewer_id", "n + 100000", arrived.claim_id),
            (Delivery, "claim_id", ULID_OF_N, arrived.pk),
        ):
            table, fields = model._meta.db_table, model._meta.concrete_fields
            copied = ", ".join(field.column for field in fields if field.column not in ("id", column))
            cursor.execute(
                f"""
                INSERT INTO {table} (id, {column}, {copied}) SELECT {ULID_OF_N}, {value}, {copied}
                FROM {table}, generate_series(%(first)s::int, %(last)s::int) AS n WHERE id = %(like)s
                """,  # noqa: S608 - names of ours
                {
                    "at": int((factories.NOW + timedelta(hours=1)).timestamp() * 1000),
                    "first": first,
                    "last": last,
                    "like": ULID.from_str(like).to_uuid(),
                },
            )
        cursor.execute("SET session_replication_role = DEFAULT")
    analyze(Claim, Delivery, WebhookEndpoint)


def test_a_page_of_each_status_costs_no_more_the_more_have_arrived(
    studio: Organization, arrived: Delivery
) -> None:
    deliveries = Delivery.objects.filter(endpoint__organization=studio).order_by("-id")
    claims = Claim.objects.filter(organization=studio).order_by("-id")
    asked: dict[str, QuerySet] = {
        f"deliveries {wanted}": deliveries.filter(rule) for wanted, rule in DELIVERY_FILTERS.items()
    }
    asked |= {f"claims {status}": claims_in(claims, status) for status in (*Step, *LISTED_CLAIMS)}
    copy(arrived, first=1, last=FEW)
    of_few = {name: rows_read(*rows[:PAGE].query.sql_with_params()) for name, rows in asked.items()}
    copy(arrived, first=FEW + 1, last=MANY)
    of_many = {name: rows_read(*rows[:PAGE].query.sql_with_params()) for name, rows in asked.items()}

    assert {name: rows.count() for name, rows in asked.items()} == {
        name: MANY + 1 if name.endswith("delivered") else 6 if name.endswith(Step.NEEDS_YOU) else 3
        for name in asked
    }
    # Whoever reads them all reads as many more as have come.
    growth = {name: of_many[name] - of_few[name] for name in asked}
    assert max(growth.values()) < (MANY - FEW) / 10, growth


def test_a_filtered_page_of_the_dashboard_costs_no_more_the_more_have_arrived(
    studio: Organization, arrived: Delivery, owner_client: Client, now: datetime
) -> None:
    of_old_campaign = arrived.claim
    assert of_old_campaign is not None
    found = make_delivery(arrived.endpoint, now, last_answer="5xx")
    assert found.claim is not None
    other = make_delivery(
        arrived.endpoint, now, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=now
    )
    Delivery.objects.filter(pk=other.pk).update(last_answer="2xx")
    old = {"claim__campaign__id__exact": of_old_campaign.campaign_id}
    asked: dict[str, dict[str, str]] = {
        "last answer": {"answer": "5xx"},
        "no such answer": {"answer": "dns"},
        "state": {"state": "needs_you"},
        "old campaign": old,
        "old campaign and answer": {**old, "answer": "4xx"},
        "viewer": {"q": str(found.claim.viewer_id)},
        "end of a delivery's id": {"q": found.pk[-8:]},
        "end of a claim's id": {"q": found.claim.pk[-8:]},
        "everything": {},
    }

    def read(query: dict[str, str]) -> float:
        with CaptureQueriesContext(connection) as captured:
            answer = owner_client.get("/dashboard/deliveries/", query)
        assert len(answer.context["cl"].result_list) > 0 or query.get("answer") in ("dns", "4xx")
        statements = [each["sql"] for each in captured.captured_queries]
        # What is counted is cut off at 10,000, which is more than there are here.
        pages = [sql for sql in statements if "fulfillment_delivery" in sql and "COUNT(" not in sql]
        assert pages
        return sum(rows_read(sql) for sql in pages)

    copy(other, first=1, last=FEW)
    of_few = {name: read(query) for name, query in asked.items()}
    copy(other, first=FEW + 1, last=MANY)
    of_many = {name: read(query) for name, query in asked.items()}
    growth = {name: of_many[name] - of_few[name] for name in asked}
    assert max(growth.values()) < (MANY - FEW) / 10, growth
