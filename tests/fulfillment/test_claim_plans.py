"""However a partner filters, PostgreSQL goes by an index, and stops where the page is full."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, combinations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from ulid import ULID

from accounts.models import Organization
from fulfillment.domain.claim_pages import ClaimFilter, claims_page
from fulfillment.models import Claim
from tests import factories

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

COUNT = 20_000


@pytest.fixture
def first(studio: Organization, rival_studio: Organization) -> Claim:
    """The first of many claims of the studio; its rival has as many."""
    claims = [
        factories.ClaimFactory(campaign__organization=organization) for organization in (studio, rival_studio)
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")  # the viewers need not exist
        for claim in claims:
            cursor.execute(
                """
                INSERT INTO fulfillment_claim (id, organization_id, viewer_id, campaign_id, reward_id,
                                               external_id, external_status, created_at, updated_at)
                SELECT (lpad(to_hex(%(at)s::bigint + n), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid,
                       organization_id, n + 100000, campaign_id, reward_id, external_id,
                       CASE WHEN n %% 50 = 0 THEN 'initiated' ELSE 'sent' END,
                       created_at + n * interval '1 second', updated_at + n * interval '1 second'
                FROM fulfillment_claim, generate_series(1, %(count)s) AS n WHERE id = %(id)s
                """,
                {
                    "at": int((factories.NOW + timedelta(hours=1)).timestamp() * 1000)
                    + (claim.organization_id == rival_studio.pk) * COUNT,
                    "count": COUNT,
                    "id": ULID.from_str(claim.pk).to_uuid(),
                },
            )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE fulfillment_claim")
    return claims[0]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *chain.from_iterable(nodes(child) for child in plan.get("Plans", []))]


def explain(**asked: Any) -> list[dict[str, Any]]:
    with CaptureQueriesContext(connection) as queries:
        claims_page(**asked)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries[0]['sql']}")
        return nodes(cursor.fetchone()[0][0]["Plan"])


FILTERS = ("campaign_id", "user_id", "claim_id", "external_status", "updated_since")


@pytest.mark.parametrize("with_cursor", [False, True])
def test_every_combination_of_filters_goes_by_an_index(
    studio: Organization, first: Claim, with_cursor: bool
) -> None:
    values = {
        "campaign_id": first.campaign_id,
        "user_id": first.viewer_id,
        "claim_id": first.pk,
        "external_status": "initiated",
        "updated_since": factories.NOW + timedelta(seconds=COUNT - 50),
    }
    for names in chain.from_iterable(combinations(FILTERS, size) for size in range(len(FILTERS) + 1)):
        wanted = ClaimFilter(**{name: values[name] for name in names})
        plan = explain(
            organization_id=studio.pk, wanted=wanted, after=first.pk if with_cursor else None, limit=10
        )
        kinds = [node["Node Type"] for node in plan]
        assert any("Index" in kind for kind in kinds), (names, kinds)
        assert not any("Seq Scan" in kind for kind in kinds), (names, kinds)
        read = max(node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0) for node in plan)
        assert read < 400, (names, kinds, read)


def test_a_page_in_the_middle_reads_no_more_than_the_first(studio: Organization, first: Claim) -> None:
    ids = list(Claim.objects.filter(organization=studio).order_by("id").values_list("id", flat=True))
    read = [
        max(
            node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            for node in explain(organization_id=studio.pk, wanted=ClaimFilter(), after=cursor, limit=100)
        )
        for cursor in (None, ids[COUNT // 2], ids[-200])
    ]
    assert max(read) < 110
