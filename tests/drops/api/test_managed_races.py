"""Two changes of one thing at once, by several connections on PostgreSQL: both are kept."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import OAuthApp, Organization, User
from drops.domain.campaigns.lifecycle import delete_draft
from drops.models import Campaign, Category, Reward
from tests import factories
from tests.api import bearer

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def patch(api: Client, path: str, body: dict[str, object]) -> int:
    try:
        return api.patch(path, json.dumps(body), content_type="application/json").status_code
    finally:
        connection.close()


def patch_at_once(api: Client, path: str, locked: Campaign | Reward, *bodies: dict[str, object]) -> None:
    """Send `bodies`; each call has read what is there when the first of them may write."""
    with ThreadPoolExecutor(len(bodies)) as threads:
        with transaction.atomic():
            type(locked).objects.select_for_update(no_key=True).get(pk=locked.pk)
            answers = [threads.submit(patch, api, path, body) for body in bodies]
            wait_until_waiting(len(bodies))
        assert [answer.result() for answer in answers] == [200] * len(bodies)


def wait_until_waiting(number: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= number:
                return
        time.sleep(0.02)
    raise AssertionError(f"not {number} wait for the lock")


@pytest.fixture
def api(studio_app: OAuthApp) -> Client:
    return bearer(studio_app, scope="drops:write")


def test_of_two_changes_of_a_campaign_none_is_lost(api: Client, studio: Organization) -> None:
    campaign = factories.CampaignFactory(organization=studio, published_at=None)
    path = f"/public/v1/drops/campaigns/{campaign.pk}"

    patch_at_once(api, path, campaign, {"name": "Storm season"}, {"info_url": "https://studio.example.com/"})

    campaign.refresh_from_db()
    assert (campaign.name, campaign.info_url) == ("Storm season", "https://studio.example.com/")


def test_of_two_changes_of_a_reward_none_is_lost(
    api: Client, studio: Organization, category: Category
) -> None:
    reward = factories.RewardFactory(organization=studio, category=category)
    path = f"/public/v1/drops/rewards/{reward.pk}"

    patch_at_once(api, path, reward, {"name": "Wings"}, {"external_id": "wings"})

    reward.refresh_from_db()
    assert (reward.name, reward.external_id) == ("Wings", "wings")


def test_a_change_of_a_draft_that_is_deleted_at_that_moment_finds_nothing(
    api: Client, studio: Organization, owner: User
) -> None:
    campaign = factories.CampaignFactory(organization=studio, published_at=None)
    path = f"/public/v1/drops/campaigns/{campaign.pk}"

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            delete_draft(campaign=campaign, now=factories.NOW, actor=owner)
            answer = threads.submit(patch, api, path, {"name": "Storm season"})
            wait_until_waiting(1)
        assert answer.result() == 404
