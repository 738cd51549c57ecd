"""A campaign's figures, for the studio's own reports."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.models import parse_ulid
from config.api.envelope import ok
from config.api.schema import documented, path_parameter
from drops.domain.watch.figures import totals
from drops.models import Campaign
from fulfillment.api.schema import STATISTICS
from fulfillment.domain.analytics.daily import daily
from fulfillment.models import Claim


class StatisticsView(OrganizationView):
    """The totals of the dashboard's overview, and the same by day (UTC) and reward."""

    @documented(
        "Drops as code",
        "campaign_statistics",
        "A campaign's figures, in total and by day",
        STATISTICS,
        parameters=[path_parameter("campaign_id", "The campaign's id.")],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, campaign_id: str) -> HttpResponse:
        campaign = Campaign.objects.filter(
            organization=self.organization_id, pk=parse_ulid(campaign_id)
        ).first()
        if campaign is None:
            raise NotFound(f"No such campaign: {campaign_id[:40]}.")
        figures = totals([campaign])[campaign.pk]
        return ok(
            {
                "campaign_id": campaign.pk,
                "watched_minutes": figures.minutes,
                "unique_viewers": figures.viewers,
                "claimed_rewards": Claim.objects.filter(campaign=campaign).count(),
                "days": [
                    {
                        "date": day.date,
                        "watched_minutes": day.watched_seconds // 60,
                        "new_viewers": day.new_viewers,
                        "qualified": _by_reward(day.qualified),
                        "claims": _by_reward(day.claims),
                    }
                    for day in daily(campaign=campaign)
                ],
            }
        )


def _by_reward(counts: dict[str, int]) -> list[dict[str, object]]:
    return [{"reward_id": reward_id, "count": counts[reward_id]} for reward_id in sorted(counts)]
