from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import OAuthApp, User
from drops.models import Campaign
from tests import factories
from tests.api import bearer

PROGRESS = "/api/v1/drops/progress"
SUMMARY = "/api/v1/drops/progress/summary"


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(factories.NOW, tick=False):
        yield


@pytest.fixture
def player(viewer: User, studio_app: OAuthApp) -> Client:
    return bearer(studio_app, user=viewer, scope="user:read")


def own(client: Client) -> list[dict]:
    return client.get(PROGRESS).json()["data"]


def test_an_own_campaign_key_for_key(player, viewer, studio, category, campaign, attached, linked) -> None:
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=1859)
    later = factories.CampaignRewardFactory(campaign=campaign, required_minutes=120)
    reward = attached.reward
    assert player.get(PROGRESS).json() == {
        "data": [
            {
                "id": campaign.pk,
                "name": "Storm season",
                "status": "in_progress",
                "starts_at": "2026-11-19T12:00:00Z",
                "ends_at": "2026-11-26T12:00:00Z",
                "created_at": "2026-11-20T12:00:00Z",
                "updated_at": "2026-11-20T12:00:00Z",
                "connect_url": "https://studio.example.com/connect",
                "url": "https://studio.example.com/drops",
                "category": {
                    "id": category.pk,
                    "name": "Skyforge Rally",
                    "slug": "skyforge-rally",
                    "image_url": "",
                },
                "organization": {
                    "id": studio.pk,
                    "name": "Northlight Games",
                    "logo_url": "",
                    "url": "https://studio.example.com",
                },
                "user_app_connected": True,
                "progress_units": 30,
                "rewards": [
                    {
                        "id": reward.pk,
                        "name": reward.name,
                        "image_url": "",
                        "external_id": "wings",
                        "required_units": 60,
                        "progress": 0.5,
                        "claimed": False,
                    },
                    {
                        "id": later.reward_id,
                        "name": later.reward.name,
                        "image_url": "",
                        "external_id": later.reward.external_id,
                        "required_units": 120,
                        "progress": 0.25,
                        "claimed": False,
                    },
                ],
            }
        ],
        "message": "Success",
    }


def test_who_is_not_connected_is_told_so(player, earned) -> None:
    assert own(player)[0]["user_app_connected"] is False


def test_claimed_when_every_reward_is(player, viewer, campaign, reward, earned) -> None:
    assert own(player)[0]["rewards"][0] | {"name": ""} == own(player)[0]["rewards"][0] | {
        "name": "",
        "progress": 1.0,
        "claimed": False,
    }
    factories.ClaimFactory(viewer=viewer, campaign=campaign, reward=reward)
    assert own(player)[0]["status"] == "claimed"
    assert own(player)[0]["rewards"][0]["claimed"] is True


def test_expired_until_the_grace_period_is_over_and_claimed_for_good(
    player, viewer, campaign, reward, earned
) -> None:
    soon = factories.NOW + timedelta(minutes=30)
    Campaign.objects.update(ends_at=factories.NOW)
    assert own(player)[0]["status"] == "expired"
    Campaign.objects.update(closes_at=soon)
    with time_machine.travel(soon, tick=False):
        assert own(player) == []
        factories.ClaimFactory(viewer=viewer, campaign=campaign, reward=reward)
        assert own(player)[0]["status"] == "claimed"


def test_nobody_elses_progress_is_seen(player, campaign, reward, stranger) -> None:
    factories.ProgressFactory(viewer=stranger, campaign=campaign)
    assert own(player) == []


def test_the_summary_is_of_one_campaign_or_all(player, viewer, campaign, attached, earned) -> None:
    other = factories.CampaignRewardFactory(campaign__organization=campaign.organization).campaign
    factories.ProgressFactory(viewer=viewer, campaign=other, seconds=60)
    one = player.get(SUMMARY, {"campaign_id": campaign.pk}).json()
    assert one["message"] == "Success"
    assert [item.keys() for item in one["data"]] == [{"id", "progress_units", "rewards"}]
    assert (one["data"][0]["id"], one["data"][0]["progress_units"]) == (campaign.pk, 60)
    assert {item["id"] for item in player.get(SUMMARY).json()["data"]} == {campaign.pk, other.pk}
    for unknown in ("x", "01JAXK8N4QWRTY5PM7ZEBVJDS8S"):
        assert player.get(SUMMARY, {"campaign_id": unknown}).json()["data"] == []
    assert player.get(SUMMARY, {"campaign_id": "\x00"}).status_code == 400


@pytest.mark.parametrize("path", [PROGRESS, SUMMARY])
def test_who_is_not_known_is_401_and_an_app_403(studio_app: OAuthApp, path: str) -> None:
    assert Client().get(path).status_code == 401
    assert bearer(studio_app).get(path).status_code == 403


def test_the_session_will_do(viewer: User, earned) -> None:
    browser = Client()
    browser.force_login(viewer)
    assert len(own(browser)) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow(player, viewer, studio, django_assert_num_queries, count: int) -> None:
    for _ in range(count):
        campaign = factories.CampaignRewardFactory(campaign__organization=studio).campaign
        factories.ProgressFactory(viewer=viewer, campaign=campaign)
    with django_assert_num_queries(7):
        assert len(own(player)) == count
