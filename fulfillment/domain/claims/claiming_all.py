"""Claiming all that has been earned at once."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from fulfillment.domain.claims.claiming import ClaimRefused, claim_reward
from fulfillment.domain.claims.inventory import inventory
from fulfillment.models import Claim


def claim_all(*, viewer: User, now: datetime) -> list[Claim]:
    """Claim every reward that `viewer` can claim now. Not to be called in a transaction.

    Each claim is committed by itself, and workers deliver them: the viewer waits for no studio's server.
    """
    claims = []
    for entry in inventory(viewer=viewer, now=now).ready:
        for threshold in entry.thresholds if entry.refused is None else ():
            try:
                claims.append(
                    claim_reward(
                        viewer=viewer,
                        campaign_id=entry.card.campaign.pk,
                        reward_id=threshold.reward.pk,
                        now=now,
                        attempt=False,
                    )
                )
            except ClaimRefused:  # since the list was made: the inventory says why
                continue
    return claims
