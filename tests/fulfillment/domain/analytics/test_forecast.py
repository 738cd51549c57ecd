"""What is expected of a launch comes from those before it, or from nowhere."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from drops.models import Campaign, WatchHour
from fulfillment.domain.analytics.forecast import launches_before
from fulfillment.models import CampaignMinute, ClaimHour
from tests import factories

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def launch(campaign: Campaign, now: datetime, claims: int, **fields: object) -> Campaign:
    before = factories.CampaignFactory(
        organization=campaign.organization,
        **({"starts_at": now - timedelta(days=30), "ends_at": now - timedelta(days=9)} | fields),
    )
    reward = factories.CampaignRewardFactory(campaign=before).reward
    for hour, share in ((0, 1), (1, 3)):
        ClaimHour.objects.create(
            campaign=before, reward=reward, hour=before.starts_at + hour * HOUR, claims=claims * share
        )
    WatchHour.objects.create(
        campaign=before, channel=factories.ChannelFactory(), hour=before.starts_at, new_viewers=1000
    )
    return before


def minute(campaign: Campaign, now: datetime, claimed: int) -> None:
    nothing = dict.fromkeys(
        (
            "watching",
            "streams",
            "seconds",
            "viewers",
            "reached",
            "claims",
            "delivered",
            "on_its_way",
            "needs_you",
        ),
        0,
    )
    CampaignMinute.objects.create(campaign=campaign, minute=now, taken_at=now, claimed=claimed, **nothing)


def test_without_a_launch_before_nothing_is_expected(campaign: Campaign, now: datetime) -> None:
    launch(campaign, now, 100, test_mode=True)
    launch(campaign, now, 100, starts_at=now + HOUR, ends_at=now + 9 * HOUR)
    launch(campaign, now, 100, published_at=None)
    launch(factories.CampaignFactory(), now, 100)  # another organization's
    factories.CampaignFactory(organization=campaign.organization, starts_at=now - 9 * HOUR)  # without a claim
    assert launches_before(campaign, now=now) == []


def test_without_minutes_it_is_the_mean_of_the_busiest_hour(campaign: Campaign, now: datetime) -> None:
    before = launch(campaign, now, 1200)
    (found,) = launches_before(campaign, now=now)
    assert found == (before, 1000, 4800, 1.0, False)


def test_with_minutes_it_is_the_busiest_of_them(campaign: Campaign, now: datetime) -> None:
    before = launch(campaign, now, 1200)
    minute(before, before.starts_at, 1080)
    minute(before, before.starts_at + timedelta(minutes=1), 60)
    (found,) = launches_before(campaign, now=now)
    assert (found.peak, found.by_minute) == (18.0, True)
    # More minutes may be missing than were noted.
    CampaignMinute.objects.update(claimed=6)
    (found,) = launches_before(campaign, now=now)
    assert (found.peak, found.by_minute) == (1.0, False)


def test_more_viewers_claim_as_much_more(campaign: Campaign, now: datetime) -> None:
    launch(campaign, now, 1200)
    (found,) = launches_before(campaign, now=now)
    assert found.if_watched_by(2500)[1:] == (2500, 12_000, 2.5, False)


def test_the_latest_comes_first(campaign: Campaign, now: datetime) -> None:
    old = launch(campaign, now, 1)
    new = launch(campaign, now, 1, starts_at=now - timedelta(days=20))
    assert [each.campaign for each in launches_before(campaign, now=now)] == [new, old]
