"""A campaign's figures, for the studio's own reports."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.domain.permissions import Action
from config.api.envelope import ok
from config.api.schema import documented, path_parameter
from config.api.views import get_or_404
from drops.domain.watch.figures import totals
from drops.models import Campaign
from fulfillment.api.serializers import StatisticsSerializer
from fulfillment.domain.analytics.daily import daily
from fulfillment.domain.claims.reading import claimed_by_reward


class StatisticsView(OrganizationView):
    """The totals of the dashboard's overview, and the same by day (UTC) and reward. What was watched and claimed
    in test mode is left out."""

    action = Action.SEE_FIGURES

    @documented(
        "Drops as code",
        "campaign_statistics",
        "A campaign's figures, in total and by day",
        StatisticsSerializer(),
        parameters=[path_parameter("campaign_id", "The campaign's id.")],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, campaign_id: str) -> HttpResponse:
        own = Campaign.objects.filter(organization=self.organization_id)
        campaign = get_or_404(own, campaign_id, "campaign")
        figures = totals([campaign])[campaign.pk]
        shown = {
            "campaign_id": campaign.pk,
            "watched_minutes": figures.minutes,
            "unique_viewers": figures.viewers,
            "claimed_rewards": sum(claimed_by_reward(campaign).values()),
            "days": daily(campaign=campaign),
        }
        return ok(StatisticsSerializer(shown).data)
