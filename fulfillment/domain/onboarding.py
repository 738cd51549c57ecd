"""The steps that lead an organization from its application to its first delivered claim."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, Subquery

from accounts.models import OAuthApp, Organization
from drops.models import Campaign, Category, Reward
from fulfillment.models import (
    INITIATED,
    Claim,
    Delivery,
    Rehearsal,
    RehearsalState,
    WebhookEndpoint,
)

# Of the oldest claims: one that arrived or was acknowledged is enough.
FIRST_CLAIMS = 100


class SetUp(NamedTuple):
    """Which steps an organization has taken, each as its rows say now.

    `to_rehearse`, `to_publish`: the id of the newest campaign that this can be done with, None without one.
    """

    approved: bool
    category: bool
    connect_url: bool
    app: bool
    endpoint: bool
    reward: bool
    campaign: bool
    rehearsed: bool
    published: bool
    delivered: bool
    to_rehearse: str | None
    to_publish: str | None


def set_up(*, organization: Organization) -> SetUp:
    """One query."""
    own = Q(organization=OuterRef("pk"))
    campaigns = Campaign.objects.filter(own)
    open_ones = campaigns.filter(withdrawn_at=None, archived_at=None).order_by("-pk").values("pk")
    first = Claim.objects.filter(organization=organization.pk, test=False).order_by("pk").values("pk")
    claims = Claim.objects.filter(pk__in=first[:FIRST_CLAIMS])
    arrived = Exists(Delivery.objects.filter(claim=OuterRef("pk"), delivered_at__isnull=False))
    row = (
        Organization.objects.filter(pk=organization.pk)
        .values_list(
            Exists(Category.objects.filter(own)),
            Exists(OAuthApp.objects.filter(own, deleted_at=None)),
            Exists(WebhookEndpoint.objects.filter(own, deleted_at=None, verified_at__isnull=False)),
            Exists(Reward.objects.filter(own, archived_at=None)),
            Exists(campaigns),
            Exists(Rehearsal.objects.filter(own, state=RehearsalState.PASSED)),
            Exists(campaigns.filter(published_at__isnull=False, test_mode=False)),
            Exists(claims.filter(arrived | ~Q(external_status=INITIATED))),
            Subquery(open_ones.filter(test_mode=True)[:1]),
            Subquery(open_ones.filter(Q(published_at=None) | Q(test_mode=True))[:1]),
        )
        .get()
    )
    category, app, endpoint, reward, campaign, rehearsed, published, delivered, *with_which = row
    return SetUp(
        organization.was_approved,
        category,
        bool(organization.connect_url),
        app,
        endpoint,
        reward,
        campaign,
        rehearsed or delivered,
        published,
        delivered,
        *with_which,
    )
