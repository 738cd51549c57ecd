"""What the checklist of a campaign says, and about what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import Model

from accounts.models import OAuthApp, Organization
from drops.models import Campaign, CampaignReward, RewardHour
from fulfillment.domain.preflight import Level, preflight
from fulfillment.models import Attempt, DeliveryState, WebhookEndpoint
from tests import factories
from tests.factories import NOW
from tests.fulfillment.delivering import make_delivery
from tests.fulfillment.receiver import Receiver


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    cache.clear()


@pytest.fixture
def campaign(campaign: Campaign, attached: CampaignReward, studio: Organization) -> Campaign:
    """A draft against which there is nothing but what a test adds."""
    studio.connect_url = ""
    studio.save()
    campaign.published_at = None
    campaign.starts_at, campaign.announces_at = NOW + timedelta(days=2), NOW + timedelta(days=1)
    campaign.save()
    attached.reward.image = "rewards/wings.webp"
    attached.reward.save()
    factories.OAuthAppFactory(organization=studio)
    return campaign


def lines(campaign: Campaign, level: Level) -> dict[str, Any]:
    fresh = Campaign.objects.select_related("organization", "category").get(pk=campaign.pk)
    return {check.text: check.about for check in preflight(fresh, now=NOW) if check.level is level}


def warning(campaign: Campaign, words: str) -> Model | type[Model]:
    """What the one warning with these words is about."""
    (about,) = [about for text, about in lines(campaign, Level.WARNING).items() if words in text]
    return about  # type: ignore[no-any-return]


def test_errors_come_first_and_lead_to_what_mends_them(campaign: Campaign, studio: Organization) -> None:
    OAuthApp.objects.update(deleted_at=NOW)
    errors = lines(campaign, Level.ERROR)
    assert set(errors.values()) == {studio, OAuthApp}
    levels = [check.level for check in preflight(campaign, now=NOW)]
    assert levels == sorted(levels, key=list(Level).index)


def test_a_campaign_that_lacks_nothing_says_so(
    campaign: Campaign, studio: Organization, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    studio.connect_url = receiver.url
    studio.save()
    assert lines(campaign, Level.ERROR) == {}
    assert list(lines(campaign, Level.WARNING)) == ["The connection page has no https address."]
    good = " ".join(lines(campaign, Level.GOOD))
    for words in (
        "Nothing keeps the campaign",
        "The connection page answers.",
        f"The endpoint {endpoint} works.",
    ):
        assert words in good


def test_the_connection_page_is_asked_once_a_minute(
    campaign: Campaign, studio: Organization, receiver: Receiver
) -> None:
    studio.connect_url = receiver.url
    studio.save()
    receiver.answers(503)
    for _ in range(2):
        assert warning(campaign, "answers with the status 503") == studio
    assert [asked.path for asked in receiver.received] == ["/hooks"]

    cache.clear()
    receiver.answers(302)
    assert "The connection page answers." in lines(campaign, Level.GOOD)
    cache.clear()
    studio.connect_url = "http://127.0.0.1:9/"
    studio.save()
    assert warning(campaign, "The connection page does not answer") == studio


def test_rewards_that_few_will_reach_or_recognize(campaign: Campaign, attached: CampaignReward) -> None:
    attached.required_minutes = 120 * 4 + 1
    attached.save()
    assert warning(campaign, "minutes in 4 days: more than two hours a day") == campaign
    attached.reward.image = attached.reward.external_id = ""
    attached.reward.save()
    assert warning(campaign, "has no image") == attached.reward
    assert warning(campaign, "has no external ID") == attached.reward


def test_minutes_that_nobody_reached_in_the_campaign_before(
    campaign: Campaign, attached: CampaignReward, studio: Organization
) -> None:
    before = factories.CampaignFactory(
        organization=studio,
        name="Spring",
        starts_at=NOW - timedelta(days=30),
        ends_at=NOW - timedelta(days=20),
    )
    easy, hard = (
        factories.CampaignRewardFactory(campaign=before, required_minutes=minutes) for minutes in (30, 60)
    )
    assert not any("Nobody reached" in text for text in lines(campaign, Level.WARNING))
    RewardHour.objects.create(
        campaign=before, reward=easy.reward, hour=before.starts_at, qualified=3, test=False
    )
    assert warning(campaign, "Nobody reached 60 minutes in the campaign before, Spring.") == campaign
    attached.required_minutes = 59
    attached.save()
    assert not any("Nobody reached" in text for text in lines(campaign, Level.WARNING))
    assert hard.required_minutes == 60


def test_endpoints_in_each_state(campaign: Campaign, studio: Organization) -> None:
    assert warning(campaign, "There is no webhook endpoint.") is WebhookEndpoint
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    for changes, words in (
        ({"held_at": NOW, "held_reason": "owner"}, "is held"),
        ({"held_at": None, "held_reason": "", "verified_at": None}, "has not answered a test event yet"),
        ({"verified_at": NOW, "failing_since": NOW}, "is failing"),
        ({"failing_since": None, "breaker_open_until": NOW + timedelta(minutes=1)}, "is paused"),
    ):
        WebhookEndpoint.objects.update(**changes)
        assert warning(campaign, words) == endpoint
    WebhookEndpoint.objects.update(breaker_open_until=None)
    delivery = make_delivery(
        endpoint, NOW, state=DeliveryState.DELIVERED, next_attempt_at=None, delivered_at=NOW
    )
    Attempt.objects.create(
        delivery=delivery,
        endpoint=endpoint,
        number=1,
        trigger="claim",
        started_at=NOW,
        duration_ms=2500,
        status=200,
    )
    assert warning(campaign, "is slow: answers take 2500 milliseconds and more") == endpoint


def test_channels_that_were_never_live_in_the_category(campaign: Campaign) -> None:
    seen = factories.LivestreamFactory(category=campaign.category).channel
    factories.AllowedChannelFactory(campaign=campaign, channel=seen)
    assert not any("never live" in text for text in lines(campaign, Level.WARNING))
    for number in range(7):
        channel = factories.LivestreamFactory(channel__slug=f"never{number}", category=None).channel
        factories.AllowedChannelFactory(campaign=campaign, channel=channel)
    words = f"7 channels of the allow-list were never live in {campaign.category}: never0, never1, never2"
    assert warning(campaign, words) == campaign


def test_campaigns_at_the_same_time_in_the_same_category(
    campaign: Campaign, rival_studio: Organization
) -> None:
    times = {"category": campaign.category, "starts_at": NOW, "ends_at": NOW + timedelta(days=3)}
    factories.CampaignFactory(organization=rival_studio, name="Rival's", **times)
    own = {"organization": campaign.organization}
    factories.CampaignFactory(**own, name="Before", **times | {"ends_at": campaign.starts_at})
    other = factories.CampaignFactory(**own, name="Other", **times)
    assert warning(campaign, "runs at the same time") == other
    assert not any("Rival" in text for text in lines(campaign, Level.WARNING))


def test_of_a_campaign_that_runs_only_what_can_still_be_mended(campaign: Campaign) -> None:
    Campaign.objects.update(
        published_at=NOW, starts_at=NOW - timedelta(hours=1), announces_at=NOW - timedelta(days=1)
    )
    assert lines(campaign, Level.ERROR) == {}
    assert not any("in the past" in text for text in lines(campaign, Level.WARNING))
