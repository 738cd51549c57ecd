"""The figures of the war room: what is in them, and what is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from drops.models import Campaign, RewardHour, WatchHour
from fulfillment.domain.war_room import figures as of
from fulfillment.domain.war_room.figures import figures
from fulfillment.models import Attempt, Claim, Delivery, FulfilmentHour, WebhookEndpoint
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(campaign: Campaign) -> WebhookEndpoint:
    return factories.WebhookEndpointFactory(organization=campaign.organization)


def claim(campaign: Campaign, at: datetime, **fields: object) -> Claim:
    return factories.ClaimFactory(campaign=campaign, created_at=at, updated_at=at, **fields)


def delivery(claim: Claim, endpoint: WebhookEndpoint, **fields: object) -> Delivery:
    fields = {
        "state": "pending",
        "next_attempt_at": claim.created_at,
        "created_at": claim.created_at,
    } | fields
    return Delivery.objects.create(
        endpoint=endpoint, claim=claim, event_type="drops.claim.created", body=b"{}", **fields
    )


def answered(
    delivery: Delivery, at: datetime, number: int = 1, trigger: str = "claim", **answer: object
) -> None:
    Attempt.objects.create(
        delivery=delivery,
        endpoint=delivery.endpoint,
        number=number,
        trigger=trigger,
        started_at=at,
        **({"status": 200, "duration_ms": 100} | answer),
    )


def test_viewers_are_those_of_streams_that_count(campaign: Campaign, now: datetime) -> None:
    for slug, viewers in (("ada", 30), ("bo", 70)):
        factories.LivestreamFactory(
            category=campaign.category, viewer_count=viewers, channel__slug=slug, started_at=now
        )
    factories.LivestreamFactory(viewer_count=999)  # another category
    factories.LivestreamFactory(category=campaign.category, viewer_count=999, ended_at=now)
    found = figures(campaign, now=now)
    assert (found.watching, found.streams) == (100, 2)
    assert found.channels == (("bo", 70), ("ada", 30))


def test_watch_time_is_that_of_all_hours_old_and_new_without_test_mode(
    campaign: Campaign, now: datetime
) -> None:
    reward = factories.CampaignRewardFactory(campaign=campaign).reward
    for hours, test in ((30, False), (1, False), (0, False), (0, True)):
        at = {"campaign": campaign, "hour": now - timedelta(hours=hours), "test": test}
        channel = factories.ChannelFactory()
        WatchHour.objects.create(**at, channel=channel, seconds=600, new_viewers=2)
        RewardHour.objects.create(**at, channel=channel, reward=reward, qualified=1)
    found = figures(campaign, now=now)
    assert (found.minutes, found.viewers, found.reached) == (30, 6, 3)
    # What is new in the last hours is read again, what is old a while later.
    WatchHour.objects.filter(campaign=campaign, test=False, hour=now).update(seconds=1200)
    assert figures(campaign, now=now).minutes == 40


def test_claims_are_those_of_the_last_minute_and_of_all_time_without_test_mode(
    campaign: Campaign, now: datetime
) -> None:
    for seconds in (59, 30, 90, 4000):
        at = now - timedelta(seconds=seconds)
        claim(campaign, at, id=factories.ulid_of(at))
    claim(campaign, now, test=True)
    claim(factories.CampaignFactory(organization=campaign.organization), now)
    found = figures(campaign, now=now)
    assert (found.claims, found.claimed) == (4, 2)


def test_deliveries_are_on_their_way_or_need_somebody(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    old = now - timedelta(seconds=95)
    delivery(claim(campaign, now), endpoint)
    delivery(claim(campaign, old), endpoint)
    delivery(claim(campaign, old), endpoint, state="failed", next_attempt_at=None)
    delivery(claim(campaign, now - timedelta(hours=1), test=True), endpoint)
    delivery(claim(campaign, old), endpoint, state="delivered", next_attempt_at=None, delivered_at=now)
    other = factories.CampaignFactory(organization=campaign.organization)
    delivery(claim(other, now - timedelta(hours=1)), endpoint)
    FulfilmentHour.objects.create(
        campaign=campaign, endpoint=endpoint, hour=now, step="arrived", within_ms=100, claims=7
    )
    found = figures(campaign, now=now)
    assert (found.on_its_way, found.needs_you, found.oldest_seconds, found.many) == (2, 1, 95, False)
    assert found.delivered == 7
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(held_at=now, held_reason="owner")
    found = figures(campaign, now=now)
    assert (found.on_its_way, found.needs_you) == (0, 3)


def test_what_is_more_than_is_counted_says_so(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of, "MOST", 2)
    for _ in range(3):
        delivery(claim(campaign, now), endpoint)
    found = figures(campaign, now=now)
    assert (found.on_its_way, found.many) == (2, True)


def test_the_answers_of_an_endpoint_are_its_last_ones_to_claims(
    campaign: Campaign, endpoint: WebhookEndpoint, now: datetime
) -> None:
    sent = delivery(claim(campaign, now), endpoint)
    for number in range(1, 20):
        answered(sent, now - timedelta(seconds=60 - number), number, duration_ms=10 * number)
    answered(sent, now - timedelta(seconds=1), 20, status=503, error_class="status", duration_ms=900)
    answered(sent, now - timedelta(minutes=6), 21, status=500)
    tested = delivery(claim(campaign, now, test=True), endpoint)
    answered(tested, now, status=500)
    rehearsed = delivery(claim(campaign, now), endpoint)
    answered(rehearsed, now, trigger="rehearsal", status=500)
    (found,) = figures(campaign, now=now).endpoints
    assert (found.attempts, found.arrived, found.p95_ms, found.status) == (20, 19, 190, "working")
    assert found.last[-2:] == ("2xx", "5xx")


def test_a_campaign_that_is_not_live_is_watched_by_nobody(campaign: Campaign, now: datetime) -> None:
    factories.LivestreamFactory(category=campaign.category, viewer_count=30)
    campaign.test_mode = True
    assert figures(campaign, now=now).watching == 0
    campaign.test_mode, campaign.ends_at = False, now
    assert figures(campaign, now=now).watching == 0
