"""The steps that lead an organization to its first campaign."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q

from accounts.models import OAuthApp, Organization
from drops.models import Campaign, Category, Progress, Reward
from fulfillment.models import WebhookEndpoint


class SetUp(NamedTuple):
    """Which steps to a first campaign an organization has taken."""

    category: bool
    connect_url: bool
    app: bool
    endpoint: bool
    reward: bool
    campaign: bool
    tried: bool
    published: bool


def set_up(*, organization: Organization) -> SetUp:
    """One query. `tried`: somebody has watched a campaign in test mode."""
    own = Q(organization=OuterRef("pk"))
    campaigns = Campaign.objects.filter(own)
    row = (
        Organization.objects.filter(pk=organization.pk)
        .values_list(
            Exists(Category.objects.filter(own)),
            Exists(OAuthApp.objects.filter(own, deleted_at=None)),
            Exists(WebhookEndpoint.objects.filter(own, deleted_at=None, verified_at__isnull=False)),
            Exists(Reward.objects.filter(own, archived_at=None)),
            Exists(campaigns),
            Exists(Progress.objects.filter(campaign__organization=OuterRef("pk"), campaign__test_mode=True)),
            Exists(campaigns.filter(published_at__isnull=False, test_mode=False)),
        )
        .get()
    )
    category, app, endpoint, reward, campaign, tried, published = row
    return SetUp(
        category,
        bool(organization.connect_url),
        app,
        endpoint,
        reward,
        campaign,
        tried or published,
        published,
    )
