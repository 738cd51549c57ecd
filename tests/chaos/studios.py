"""Studios, and viewers who have earned their rewards. To be called once Django is set up."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import GameLink, Organization, User, new_ulid
from drops.models import Progress
from fulfillment.domain.delivery import signing
from fulfillment.domain.delivery.endpoints import hold_endpoint, release_endpoint
from fulfillment.models import Delivery, DeliveryState, WebhookEndpoint
from tests import factories
from tests.api import access_token
from tests.chaos.load import Wish

REWARDS = 12
# Seconds: the longest lease, a few retries, and a slow machine.
DRAIN = 600


def fill(*, urls: list[str], wishes: int) -> tuple[list[Wish], list[Wish]]:
    """A studio with a server at each of `urls`, and one without.

    Returns about `wishes` of viewers of the former together, and a fifth as many of viewers of the latter.
    """
    with transaction.atomic():
        signing.create_signing_key(now=timezone.now())
        loud = [
            wish
            for url in urls
            for wish in earn(factories.WebhookEndpointFactory(url=url).organization, wishes // len(urls))
        ]
        quiet = earn(factories.OrganizationFactory(), wishes // 5)
    forget_connections()
    return loud, quiet


def earn(organization: Organization, wishes: int) -> list[Wish]:
    now = timezone.now()
    campaign = factories.CampaignFactory(
        organization=organization, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1)
    )
    rewards = [
        factories.CampaignRewardFactory(campaign=campaign, required_minutes=1).reward for _ in range(REWARDS)
    ]
    app = factories.OAuthAppFactory(organization=organization)
    viewers = User.objects.bulk_create(
        User(username=f"v{new_ulid()[-20:]}") for _ in range(-(-wishes // REWARDS))
    )
    Progress.objects.bulk_create(
        Progress(viewer=viewer, campaign=campaign, seconds=3600, created_at=now, updated_at=now)
        for viewer in viewers
    )
    GameLink.objects.bulk_create(
        GameLink(viewer=viewer, organization=organization, app=app, linked_at=now) for viewer in viewers
    )
    return [
        Wish(viewer.pk, token, campaign.pk, reward.pk)
        for viewer in viewers
        for token in [access_token(app, user=viewer, scope="drops:claim")]
        for reward in rewards
    ]


def forget_connections() -> None:
    """The pool's own would die with PostgreSQL, and say so."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()


def drain() -> int:
    """Have the owners send again all that waits for its next attempt, until nothing does. Returns what is left."""
    owners = {
        endpoint: factories.MembershipFactory(organization=endpoint.organization).user
        for endpoint in WebhookEndpoint.objects.select_related("organization")
    }
    deadline = time.monotonic() + DRAIN
    while (
        waiting := Delivery.objects.filter(state=DeliveryState.PENDING).count()
    ) and time.monotonic() < deadline:
        for endpoint, owner in owners.items():
            hold_endpoint(endpoint=endpoint, actor=owner, now=timezone.now())
            release_endpoint(endpoint=endpoint, actor=owner, now=timezone.now())
        time.sleep(2)
    return waiting
