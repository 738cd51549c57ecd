"""The names of the form's rows, and the address of a campaign's overview."""

from __future__ import annotations

from drops.models import Campaign

ROW = "campaign_rewards-{}-{}"


def overview(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/overview/"
