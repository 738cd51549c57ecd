"""What organization owners read about claims and deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Exists, Min, OuterRef, Q

from accounts.models import OAuthApp, Organization
from drops.models import Campaign, Category, Progress, Reward
from fulfillment.models import Claim, Delivery, DeliveryState, WebhookEndpoint

RECENT = timedelta(hours=24)


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


class DeliveryFigures(NamedTuple):
    """Deliveries of claims: `delivered` in the last day, the others now. `oldest_waiting` may be None."""

    delivered: int
    waiting: int
    held: int
    oldest_waiting: datetime | None


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


def delivery_figures(*, organization: Organization, now: datetime) -> DeliveryFigures:
    pending = Q(state=DeliveryState.PENDING)
    row = Delivery.objects.filter(
        endpoint__organization=organization, endpoint__deleted_at=None, claim__isnull=False
    ).aggregate(
        delivered=Count("pk", filter=Q(state=DeliveryState.DELIVERED, delivered_at__gt=now - RECENT)),
        waiting=Count("pk", filter=pending),
        held=Count("pk", filter=Q(state=DeliveryState.HELD)),
        oldest_waiting=Min("created_at", filter=pending),
    )
    return DeliveryFigures(**row)


def claimed_by_campaign(campaigns: Iterable[Campaign]) -> Mapping[str, int]:
    """Claims by campaign id; a campaign without any is missing."""
    ids = [campaign.pk for campaign in campaigns]
    return dict(
        Claim.objects.filter(campaign__in=ids).order_by().values_list("campaign_id").annotate(Count("pk"))
    )


def claimed_by_reward(campaign: Campaign) -> Mapping[str, int]:
    """Claims of a campaign by reward id."""
    claims = Claim.objects.filter(campaign=campaign).order_by()
    return dict(claims.values_list("reward_id").annotate(Count("pk")))
