"""Claims by the hour: counted in the transactions that make a claim, deliver it and change its status, so that a figure
reads hours and never claims. Their rows are written last, in one order, so that transactions do not wait for each other
in a circle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from config import sql
from config.rows import insert
from drops.domain.watch.sql import add, arrays, columns
from fulfillment.models import Claim, ClaimStatusChange

_COUNT = """
    INSERT INTO fulfillment_claimhour AS h (campaign_id, reward_id, hour, test, claims, new_viewers)
    SELECT %s, %s, %s, %s, 1, CASE WHEN EXISTS (
        SELECT 1 FROM fulfillment_claim other
         WHERE other.viewer_id = %s AND other.campaign_id = %s AND other.test = %s
           AND other.rehearsal_id IS NULL AND other.id <> %s) THEN 0 ELSE 1 END
     WHERE true
    ON CONFLICT (campaign_id, hour, reward_id, test)
    DO UPDATE SET claims = h.claims + 1, new_viewers = h.new_viewers + excluded.new_viewers
"""


def insert_claim(claim: Claim) -> None:
    """Write a new claim, and count it in its hour: in one statement on PostgreSQL. The claims of an organization commit
    one after the other (`draw_id`), so the hour makes nobody wait who would not wait anyway."""
    if connection.vendor == "postgresql":
        insert([claim], beside=_COUNT, values=_counted(claim))
    else:
        insert([claim])
        count_claim(claim)


def count_claim(claim: Claim) -> None:
    """Add a claim that has been written to its hour."""
    sql.execute(_COUNT, _counted(claim))


def _counted(claim: Claim) -> list[Any]:
    campaign, hour = sql.ulid(claim.campaign_id), sql.moment(_hour(claim.created_at))
    of_hour = [campaign, sql.ulid(claim.reward_id), hour, claim.test]
    return [*of_hour, claim.viewer_id, campaign, claim.test, sql.ulid(claim.pk)]


# One statement, since a claim that is delivered at once waits for it. Locked in the order of their ids, as wherever
# several claims are locked.
_ARRIVED_TOGETHER = f"""
    WITH told AS (SELECT * FROM unnest({arrays(("uuid", "timestamptz"))}) AS told (id, at)),
    mine AS (
        SELECT claim.id FROM fulfillment_claim claim JOIN told ON told.id = claim.id
         WHERE claim.delivered_at IS NULL AND NOT claim.test ORDER BY claim.id FOR NO KEY UPDATE OF claim),
    arrived AS (
        UPDATE fulfillment_claim AS claim SET delivered_at = told.at FROM mine JOIN told ON told.id = mine.id
         WHERE claim.id = mine.id
        RETURNING claim.campaign_id, claim.reward_id, date_trunc('hour', told.at, 'UTC') AS hour)
    INSERT INTO fulfillment_deliveredhour AS h (campaign_id, reward_id, hour, claims)
    SELECT campaign_id, reward_id, hour, count(*) FROM arrived GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (campaign_id, reward_id, hour) DO UPDATE SET claims = h.claims + excluded.claims
"""  # noqa: S608 - names of ours
_ARRIVED = """
    UPDATE fulfillment_claim SET delivered_at = %s WHERE id = %s AND delivered_at IS NULL AND NOT test
    RETURNING campaign_id, reward_id, delivered_at
"""


def count_arrivals(arrivals: Mapping[str, datetime]) -> None:
    """Claims arrived, each by its id at this moment. What had arrived elsewhere before is not counted again."""
    if not arrivals:
        return
    if connection.vendor == "postgresql":
        told = [(sql.ulid(claim_id), at) for claim_id, at in sorted(arrivals.items())]
        sql.execute(_ARRIVED_TOGETHER, columns(told))
        return
    rows = [
        row
        for claim_id, at in arrivals.items()
        for row in sql.fetch(_ARRIVED, [sql.moment(at), sql.ulid(claim_id)])
    ]
    counted = Counter(
        (campaign_id, reward_id, _hour(sql.to_moment(at))) for campaign_id, reward_id, at in rows
    )
    add(
        "fulfillment_deliveredhour",
        ("campaign_id", "reward_id", "hour"),
        ("claims",),
        [(*key[:2], sql.moment(key[2]), claims) for key, claims in sorted(counted.items())],
        ("uuid", "uuid", "timestamptz", "int"),
    )


def count_changes(changes: Sequence[ClaimStatusChange]) -> None:
    """Status changes that are about to be written, each with its claim, which is locked."""
    followed = [change for change in changes if not change.claim.test]
    if not followed:
        return
    had = set(
        ClaimStatusChange.objects.filter(claim__in=[change.claim_id for change in followed])
        .order_by()
        .values_list("claim_id", "new")
    )
    counted: Counter[Any] = Counter()
    firsts: Counter[Any] = Counter()
    for change in followed:
        claim = change.claim
        key = claim.campaign_id, claim.reward_id, _hour(change.at), change.old, change.new
        counted[key] += 1
        firsts[key] += (claim.pk, change.new) not in had
    add(
        "fulfillment_statushour",
        ("campaign_id", "reward_id", "hour", "old", "new"),
        ("changes", "firsts"),
        [
            (sql.ulid(key[0]), sql.ulid(key[1]), sql.moment(key[2]), *key[3:], count, firsts[key])
            for key, count in sorted(counted.items())
        ],
        ("uuid", "uuid", "timestamptz", "text", "text", "int", "int"),
    )


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
