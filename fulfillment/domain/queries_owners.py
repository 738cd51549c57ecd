"""What organization owners read about claims and deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Exists, F, Min, OuterRef, Prefetch, Q, QuerySet

from accounts.models import OAuthApp, Organization
from drops.models import Campaign, Category, Progress, Reward
from fulfillment.domain.standing import DELIVERIES, Standing
from fulfillment.models import Attempt, Claim, Delivery, WebhookEndpoint

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
    """Deliveries by their `Standing`: `delivered` are claims of the last day, the others are those of now, tests
    included. `oldest_waiting` may be None."""

    delivered: int
    waiting: int
    held: int
    failed: int
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
    of_a_claim = Q(claim__isnull=False)
    waiting = DELIVERIES[Standing.WAITING] & of_a_claim
    row = Delivery.objects.filter(endpoint__organization=organization).aggregate(
        delivered=Count(
            "pk",
            filter=DELIVERIES[Standing.DELIVERED] & of_a_claim & Q(delivered_at__gt=now - RECENT),
        ),
        waiting=Count("pk", filter=waiting),
        held=Count("pk", filter=DELIVERIES[Standing.HELD]),
        failed=Count("pk", filter=DELIVERIES[Standing.FAILED]),
        oldest_waiting=Min("created_at", filter=waiting),
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


def with_latest_attempts(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """The same deliveries, each with `latest_attempts`: the last that has ended, and perhaps the one before it,
    without what was said in them. One more query, however many they are."""
    # The last number is of the attempt under way, where there is one.
    latest = (
        Attempt.objects.filter(number__gt=F("delivery__attempt_count") - 2)
        .only("delivery_id", "number", "status", "error_class")
        .order_by("-number")
    )
    return deliveries.prefetch_related(Prefetch("attempts", latest, to_attr="latest_attempts"))
