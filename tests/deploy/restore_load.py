"""The load of the drill: `prepare URL COUNT`, `claim FIRST END` and `state`, each a program on the settings' database.

`claim` prints a line for each claim that was confirmed, as soon as it is.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from drops.domain.watch import stream  # noqa: E402
from drops.domain.watch.beats import Beat, BeatKind  # noqa: E402
from drops.models import Channel, WatchInterval  # noqa: E402
from fulfillment.domain.claims.claiming import claim_reward  # noqa: E402
from fulfillment.models import Claim, Delivery, DeliveryState  # noqa: E402
from tests import factories  # noqa: E402


def prepare(url: str, count: str) -> None:
    """A studio, its server, a campaign, and so many viewers who have earned its reward."""
    now = timezone.now()
    studio = factories.OrganizationFactory(name="Drill", slug="drill")
    factories.WebhookEndpointFactory(organization=studio, url=url, verified_at=now)
    campaign = factories.CampaignFactory(
        organization=studio, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=6)
    )
    factories.CampaignRewardFactory(campaign=campaign)
    factories.LivestreamFactory(channel=factories.ChannelFactory(), category=campaign.category)
    for _ in range(int(count)):
        viewer = factories.UserFactory()
        factories.ProgressFactory(viewer=viewer, campaign=campaign)
        factories.GameLinkFactory(viewer=viewer, organization=studio)


def claim(first: str, end: str) -> None:
    campaign = factories.CampaignFactory._meta.model.objects.get(organization__slug="drill")
    (attached,) = campaign.campaign_rewards.all()
    channel = Channel.objects.get()
    for viewer in User.objects.filter(progress__campaign=campaign).order_by("pk")[int(first) : int(end)]:
        stream.append(Beat(viewer.pk, channel.pk, 0, BeatKind.START))
        made = claim_reward(
            viewer=viewer, campaign_id=campaign.pk, reward_id=attached.reward_id, now=timezone.now()
        )
        print(made.pk, viewer.pk, flush=True)


def state() -> None:
    told: dict[str, Any] = {
        "claims": dict(Claim.objects.values_list("pk", "viewer_id")),
        "waiting": Delivery.objects.exclude(claim=None).exclude(state=DeliveryState.DELIVERED).count(),
        "watched": list(WatchInterval.objects.values_list("viewer_id", flat=True)),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    {"prepare": prepare, "claim": claim, "state": state}[sys.argv[1]](*sys.argv[2:])
