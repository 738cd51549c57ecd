"""A process that claims: `python -m tests.fulfillment.claimers together|apart ARGUMENTS`.

`together THREADS VIEWER CAMPAIGN REWARD`: all threads claim the same reward, at the same moment.
`apart FIRST STEP CAMPAIGN SKEW`: claims every reward for every viewer whose turn it is, on a clock that
is wrong by SKEW seconds. Both wait for a line on standard input, and write a line per claim.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import django
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone


def environment() -> dict[str, str]:
    """For a child of a test: the test's own database."""
    url = urlsplit(os.environ["TEST_DATABASE_URL"])
    name = str(connection.settings_dict["NAME"])
    return {**os.environ, "TEST_DATABASE_URL": urlunsplit(url._replace(path=f"/{name}"))}


def together(threads: int, viewer_id: int, campaign_id: str, reward_id: str) -> list[str]:
    from accounts.models import User
    from drops.models import Campaign, Reward
    from fulfillment.domain.claims.claiming import claim_reward

    viewer = User.objects.get(pk=viewer_id)
    campaign = Campaign.objects.select_related("organization").get(pk=campaign_id)
    reward = Reward.objects.get(pk=reward_id)

    def claim(_: int) -> str:
        try:
            return claim_reward(
                viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=timezone.now()
            ).id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        wait_for_start()
        return list(pool.map(claim, range(threads)))


def apart(first: int, step: int, campaign_id: str, skew: float) -> list[str]:
    from accounts.models import User
    from drops.models import Campaign, Reward
    from fulfillment.domain.claims.claiming import claim_reward

    campaign = Campaign.objects.select_related("organization").get(pk=campaign_id)
    viewers = list(User.objects.filter(progress__campaign=campaign).order_by("pk")[first::step])
    rewards = list(Reward.objects.filter(campaign_rewards__campaign=campaign))
    wait_for_start()
    return [
        claim_reward(
            viewer=viewer,
            campaign_id=campaign.pk,
            reward_id=reward.pk,
            now=timezone.now() + timedelta(seconds=skew),
        ).id
        for viewer in viewers
        for reward in rewards
    ]


def wait_for_start() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def main(how: str, *arguments: str) -> None:
    if how == "together":
        threads, viewer_id, *ids = arguments
        claimed = together(int(threads), int(viewer_id), *ids)
    else:
        first, step, campaign_id, skew = arguments
        claimed = apart(int(first), int(step), campaign_id, float(skew))
    sys.stdout.write("\n".join(claimed))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    assert settings.OUTBOUND_ALLOW_LOOPBACK
    main(*sys.argv[1:])
