"""Claims by the hour: counted in the transaction that makes a claim, so that a figure reads hours and never claims."""

from __future__ import annotations

from datetime import UTC

from config import sql
from fulfillment.models import Claim

_COUNT = """
    INSERT INTO fulfillment_claimhour AS h (campaign_id, reward_id, hour, test, claims) VALUES (%s, %s, %s, %s, 1)
    ON CONFLICT (campaign_id, hour, reward_id, test) DO UPDATE SET claims = h.claims + 1
"""


def count_claim(claim: Claim) -> None:
    """Add a new claim to its hour. The claims of an organization commit one after the other (`draw_id`), so the row
    makes nobody wait who would not wait anyway."""
    hour = claim.created_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    campaign_id, reward_id = sql.ulid(claim.campaign_id), sql.ulid(claim.reward_id)
    sql.execute(_COUNT, [campaign_id, reward_id, sql.moment(hour), claim.test])
