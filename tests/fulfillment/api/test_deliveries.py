from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import OAuthApp, Organization
from drops.models import RewardHour, WatchHour
from fulfillment.models import Attempt, Delivery, WebhookEndpoint
from tests import factories
from tests.api import bearer

DELIVERIES = "/public/v1/drops/deliveries"


@pytest.fixture
def api(studio_app: OAuthApp) -> Client:
    return bearer(studio_app)


def delivery(organization: Organization, **fields) -> Delivery:
    endpoint = factories.WebhookEndpointFactory(organization=organization)
    if "claim" not in fields:
        fields["claim"] = factories.ClaimFactory(campaign__organization=organization)
    made = Delivery.objects.create(
        endpoint=endpoint,
        event_type="drops.claim.created",
        body=b'{"claim_id":"x"}',
        created_at=factories.NOW,
        **({"next_attempt_at": factories.NOW} | fields),
    )
    Attempt.objects.create(
        delivery=made,
        endpoint=endpoint,
        number=1,
        trigger="claim",
        started_at=factories.NOW,
        duration_ms=7,
        status=500,
        error_class="status",
        error="The answer's status is 500.",
        response_body=b"\xffoops",
    )
    return made


def test_the_query_of_a_webhooks_url_is_kept_back(api: Client, studio: Organization) -> None:
    made = delivery(studio)
    WebhookEndpoint.objects.update(url="https://studio.example.com/hooks?key=s3cret")
    (item,) = api.get(DELIVERIES).json()["data"]["deliveries"]
    assert item["url"] == "https://studio.example.com/hooks"
    assert b"s3cret" not in api.get(f"{DELIVERIES}/{made.pk}").content


def test_a_delivery_with_its_attempts_key_for_key(api: Client, studio: Organization) -> None:
    made = delivery(studio)
    attempt = {
        "number": 1,
        "trigger": "claim",
        "started_at": "2026-11-20T12:00:00Z",
        "duration_ms": 7,
        "status": 500,
        "error_class": "status",
        "error": "The answer's status is 500.",
    }
    item = {
        "id": made.pk,
        "claim_id": made.claim_id,
        "endpoint_id": made.endpoint_id,
        "url": made.endpoint.url,
        "event_type": "drops.claim.created",
        "state": "pending",
        "created_at": "2026-11-20T12:00:00Z",
        "delivered_at": None,
        "next_attempt_at": "2026-11-20T12:00:00Z",
        "attempts": [attempt],
    }
    assert api.get(DELIVERIES).json()["data"] == {"deliveries": [item], "cursor": ""}
    exchange = {"request_headers": {}, "response_headers": {}, "response_body": "\ufffdoops"}
    assert api.get(f"{DELIVERIES}/{made.pk}").json()["data"] == item | {
        "body": '{"claim_id":"x"}',
        "attempts": [attempt | exchange],
    }


def test_filters_and_pages(api: Client, studio: Organization) -> None:
    waiting, arrived = (
        delivery(studio),
        delivery(studio, state="delivered", delivered_at=factories.NOW, next_attempt_at=None),
    )

    test = delivery(studio, claim=None)

    def ids(**query) -> list[str]:
        return [item["id"] for item in api.get(DELIVERIES, query).json()["data"]["deliveries"]]

    everything = sorted([waiting.pk, arrived.pk, test.pk])
    assert ids() == everything
    assert ids(state="delivered") == [arrived.pk]
    assert ids(claim_id=waiting.claim_id) == [waiting.pk]
    assert ids(claim_id="no-ulid") == []
    page = api.get(DELIVERIES, {"limit": 1}).json()["data"]
    assert ids(cursor=page["cursor"]) == everything[1:]
    assert api.get(DELIVERIES, {"state": "lost"}).status_code == 400


def test_tests_that_failed_are_not_among_the_failed(api: Client, studio: Organization) -> None:
    """A studio may ring its people for what is."""
    delivery(studio, state="failed", next_attempt_at=None, claim=None)
    failed = delivery(studio, state="failed", next_attempt_at=None)
    listed = api.get(DELIVERIES, {"state": "failed"}).json()["data"]["deliveries"]
    assert [item["id"] for item in listed] == [failed.pk]


def test_a_rival_sees_nothing(rival_app: OAuthApp, studio: Organization) -> None:
    made = delivery(studio)
    rival = bearer(rival_app)
    assert rival.get(DELIVERIES).json()["data"]["deliveries"] == []
    assert rival.get(DELIVERIES, {"claim_id": made.claim_id}).json()["data"]["deliveries"] == []
    assert rival.get(f"{DELIVERIES}/{made.pk}").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow(
    api: Client, studio: Organization, django_assert_num_queries, count: int
) -> None:
    for _ in range(count):
        delivery(studio)
    with django_assert_num_queries(3):
        assert len(api.get(DELIVERIES).json()["data"]["deliveries"]) == count


def test_statistics_by_day(api: Client, studio: Organization, channel) -> None:
    attached = factories.CampaignRewardFactory(campaign__organization=studio)
    campaign, reward = attached.campaign, attached.reward
    hour = factories.NOW.replace(minute=0)
    for when, seconds, new_viewers in (
        (hour, 3600, 2),
        (hour + timedelta(hours=1), 90, 1),
        (hour + timedelta(days=1), 60, 0),
    ):
        WatchHour.objects.create(
            campaign=campaign, channel=channel, hour=when, seconds=seconds, viewers=2, new_viewers=new_viewers
        )
    RewardHour.objects.create(campaign=campaign, reward=reward, channel=channel, hour=hour, qualified=2)
    factories.ProgressFactory(campaign=campaign, seconds=3660)
    factories.ClaimFactory(campaign=campaign, reward=reward, created_at=hour + timedelta(days=2))
    none: list[dict] = []
    found = api.get(f"/public/v1/drops/campaigns/{campaign.pk}/statistics").json()["data"]
    expected = {
        "campaign_id": campaign.pk,
        "watched_minutes": 62,
        "unique_viewers": 3,
        "claimed_rewards": 1,
        "days": [
            {
                "date": "2026-11-20",
                "watched_minutes": 61,
                "new_viewers": 3,
                "qualified": [{"reward_id": reward.pk, "count": 2}],
                "claims": none,
            },
            {
                "date": "2026-11-21",
                "watched_minutes": 1,
                "new_viewers": 0,
                "qualified": none,
                "claims": none,
            },
            {
                "date": "2026-11-22",
                "watched_minutes": 0,
                "new_viewers": 0,
                "qualified": none,
                "claims": [{"reward_id": reward.pk, "count": 1}],
            },
        ],
    }
    assert {name: found[name] for name in expected} == expected
