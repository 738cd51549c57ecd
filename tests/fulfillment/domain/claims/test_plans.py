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
from fulfillment.domain.claims.reading import ClaimFilter, claims_page
from fulfillment.models import Claim
from tests import factories
from tests.plans import analyze, empty, rows_read

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

FEW, MANY = 5_000, 20_000


@pytest.fixture
def firsts(studio: Organization, rival_studio: Organization) -> list[Claim]:
    """The first claim of the studio, and of its rival."""
    empty(Claim)
    return [
        factories.ClaimFactory(campaign__organization=organization) for organization in (studio, rival_studio)
    ]


def copy(firsts: list[Claim], *, first: int, last: int) -> None:
    """More claims of both, numbered from `first` to `last`, a second apart; those of the rival have lower ids.

    Only five of each have another status: whoever looks for a page full of these looks at all that there are.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # the viewers need not exist
        for number, claim in enumerate(firsts):
            cursor.execute(
                """
                INSERT INTO fulfillment_claim (id, organization_id, viewer_id, campaign_id, reward_id,
                                               external_id, game_account_id, test, external_status, created_at,
                                               updated_at)
                SELECT (lpad(to_hex(%(at)s::bigint + n), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid,
                       organization_id, n + 100000, campaign_id, reward_id, external_id, '', false,
                       CASE WHEN n <= 5 THEN 'initiated' ELSE 'sent' END,
                       created_at + n * interval '1 second', updated_at + n * interval '1 second'
                FROM fulfillment_claim, generate_series(%(first)s::int, %(last)s::int) AS n WHERE id = %(id)s
                """,
                {
                    "at": int((factories.NOW + timedelta(hours=1 - 24 * number)).timestamp() * 1000),
                    "first": first,
                    "last": last,
                    "id": ULID.from_str(claim.pk).to_uuid(),
                },
            )
        cursor.execute("SET session_replication_role = DEFAULT")
    analyze(Claim)


def rows_of_page(**asked: Any) -> float:
    with CaptureQueriesContext(connection) as queries:
        claims_page(**asked)
    return rows_read(queries[0]["sql"])


FILTERS = ("campaign_id", "viewer_id", "claim_id", "external_status", "updated_since")


@pytest.mark.parametrize("with_cursor", [False, True])
def test_no_combination_of_filters_costs_more_the_more_claims_there_are(
    studio: Organization, firsts: list[Claim], with_cursor: bool
) -> None:
    def rows_by_filters(count: int) -> dict[tuple[str, ...], float]:
        values = {
            "campaign_id": firsts[0].campaign_id,
            "viewer_id": firsts[0].viewer_id,
            "claim_id": firsts[0].pk,
            "external_status": "initiated",
            "updated_since": firsts[0].updated_at + timedelta(seconds=count - 50),
        }
        after = firsts[0].pk if with_cursor else None
        return {
            names: rows_of_page(
                organization_id=studio.pk,
                wanted=ClaimFilter(**{name: values[name] for name in names}),
                after=after,
                limit=10,
            )
            for names in chain.from_iterable(combinations(FILTERS, size) for size in range(len(FILTERS) + 1))
        }

    copy(firsts, first=1, last=FEW)
    of_few = rows_by_filters(FEW)
    copy(firsts, first=FEW + 1, last=MANY)
    of_many = rows_by_filters(MANY)

    # Whoever reads them all reads as many more as have come.
    growth = {names: of_many[names] - of_few[names] for names in of_few}
    assert len(growth) == 2 ** len(FILTERS)
    assert max(growth.values()) < (MANY - FEW) / 10, growth


def test_a_page_in_the_middle_reads_no_more_than_the_first(studio: Organization, firsts: list[Claim]) -> None:
    copy(firsts, first=1, last=MANY)
    ids = list(Claim.objects.filter(organization=studio).order_by("id").values_list("id", flat=True))
    first, *later = (
        rows_of_page(organization_id=studio.pk, wanted=ClaimFilter(), after=cursor, limit=100)
        for cursor in (None, ids[MANY // 2], ids[-200])
    )
    assert max(later) <= 2 * first
