"""A campaign's figures, for the studio's own reports."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.domain.permissions import Action
from config.api.envelope import ok
from config.api.schema import documented, path_parameter
from config.api.views import get_or_404
from drops.models import Campaign
from fulfillment.api.serializers import StatisticsSerializer
from fulfillment.domain.analytics.daily import daily
from fulfillment.domain.analytics.report import TABLES, whole


class StatisticsView(OrganizationView):
    """The figures of the dashboard: in total, by day (UTC) and reward, how many viewers came how far, how long they
    watched, by channel, what did not count and why, how long claims took at each endpoint, and their statuses. What was
    watched and claimed in test mode, or granted, is left out. A group of fewer than five viewers is `null`. Percentiles
    are ends of buckets: within so many milliseconds; 0 is longer than 30 days, `null` none at all."""

    action = Action.SEE_FIGURES

    @documented(
        "Drops as code",
        "campaign_statistics",
        "A campaign's figures, in total, by day, reward, channel and endpoint",
        StatisticsSerializer(),
        parameters=[path_parameter("campaign_id", "The campaign's id.")],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, campaign_id: str) -> HttpResponse:
        own = Campaign.objects.filter(organization=self.organization_id)
        campaign = get_or_404(own, campaign_id, "campaign")
        found = whole(campaign=campaign, now=timezone.now())
        shown = {
            "campaign_id": campaign.pk,
            "as_of": found.as_of,
            "watched_minutes": found.totals.minutes,
            "unique_viewers": found.totals.viewers,
            "claimed_rewards": found.claimed,
            "fulfilled_as_of": found.fulfilled_as_of,
            **{name: table(campaign).objects() for name, table in TABLES.items()},
            "days": daily(campaign=campaign),  # by reward, for which a table has no place
        }
        return ok(StatisticsSerializer(shown).data)
