"""The overview of a campaign and the statistics of the API say the same, of what the rows say."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import OAuthApp, Organization, User
from drops.domain.campaigns import lifecycle, plans
from drops.models import Campaign, Channel, Reward
from fulfillment.domain.claims.claiming import claim_reward
from fulfillment.models import Claim
from tests import factories
from tests.api import bearer
from tests.dashboard import sign_in, words
from tests.drops.domain.watch.crediting import beats
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(channel: Channel, campaign: Campaign) -> Channel:
    factories.LivestreamFactory(channel=channel, category=campaign.category)
    return channel


def claim(viewer: User, campaign: Campaign, reward: Reward, second: int) -> Claim:
    factories.GameLinkFactory(viewer=viewer, organization=campaign.organization)
    return claim_reward(
        viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=NOW + timedelta(seconds=second)
    )


def change(campaign: Campaign, second: int, **changes: Any) -> None:
    at = NOW + timedelta(seconds=second)
    lifecycle.amend_campaign(campaign=campaign, changes=changes, now=at, actor=None)


def require(campaign: Campaign, second: int, minutes: int) -> None:
    (entry,) = plans.plan_of(campaign).rewards
    change(campaign, second, rewards=(entry._replace(required_minutes=minutes),))


def statistics(studio_app: OAuthApp, campaign: Campaign) -> dict[str, Any]:
    api = bearer(studio_app, scope="drops:write")
    found: dict[str, Any] = api.get(f"/public/v1/drops/campaigns/{campaign.pk}/statistics").json()["data"]
    return found


def of_rewards(days: list[dict[str, Any]], what: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for day in days:
        found.update({entry["reward_id"]: entry["count"] for entry in day[what]})
    return dict(found)


def test_what_was_tested_is_in_no_figure_and_stays_the_members(
    owner_client: Client,
    studio: Organization,
    studio_app: OAuthApp,
    campaign: Campaign,
    reward: Reward,
    live: Channel,
    member: User,
    second_owner: User,
    viewer: User,
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(test_mode=True)
    require(campaign, 1, 1)
    for tester in (member, second_owner):
        beats(tester, live, 10, 70, 130)
    assert claim(member, campaign, reward, 140).test

    change(campaign, 150, test_mode=False)
    # Earned in test mode, claimed after it: still the member's, and still no figure.
    assert claim(second_owner, campaign, reward, 160).test

    found = statistics(studio_app, campaign)
    assert [row["qualified"] + row["claims"] for row in found.pop("rewards")] == [0]
    assert [
        sum(count for name, count in row.items() if name != "reward_id") for row in found.pop("funnel")
    ] == [0]
    assert found == {
        "campaign_id": campaign.pk,
        "as_of": "2026-11-20T12:00:00Z",
        "watched_minutes": 0,
        "unique_viewers": 0,
        "claimed_rewards": 0,
        "days": [],
        "channels": [],
        "uncounted": [],
        "fulfilled_as_of": None,
        "endpoints": [],
        "watched_for": [{"minutes": 0, "viewers": 0}],
        "statuses": [{"status": "initiated", "now": 0, "ever": 0}],
    }
    overview = owner_client.get(f"/dashboard/campaigns/{campaign.pk}/overview/")
    context = overview.context
    assert (context["totals"].seconds, context["totals"].viewers, context["claimed_rewards"]) == (0, 0, 0)
    assert (context["chart"], context["top_channels"]) == (None, [])
    assert [row[1:] for row in context["rewards"]] == [(0, 0, 2, 2)]
    assert "In test mode:</strong> 4 minutes watched by 2 members. 2 rewards claimed." in words(overview)
    (home,) = owner_client.get("/dashboard/").context["campaigns"]
    assert (home.new_viewers, home.recent) == (0, (0, 0))

    beats(viewer, live, 200, 260)
    assert not claim(viewer, campaign, reward, 270).test
    found = statistics(studio_app, campaign)
    assert (found["watched_minutes"], found["unique_viewers"], found["claimed_rewards"]) == (1, 1, 1)
    listed = words(owner_client.get("/dashboard/claims/"))
    assert listed.count("Test mode</span>") == 2


def test_the_overview_and_the_api_agree_on_who_earned_a_reward(
    owner_client: Client,
    studio_app: OAuthApp,
    campaign: Campaign,
    reward: Reward,
    live: Channel,
    viewer: User,
    stranger: User,
) -> None:
    require(campaign, 0, 3)
    beats(viewer, live, 0, 60, 120)
    beats(stranger, live, 0, 60)
    require(campaign, 130, 2)
    beats(stranger, live, 140)

    found = statistics(studio_app, campaign)
    assert of_rewards(found["days"], "qualified") == {reward.pk: 2}
    (row,) = owner_client.get(f"/dashboard/campaigns/{campaign.pk}/overview/").context["rewards"]
    assert row.qualified == 2


def test_a_long_allow_list_is_shown_in_part(owner_client: Client, campaign: Campaign) -> None:
    for _ in range(23):
        factories.AllowedChannelFactory(campaign=campaign)
    page = owner_client.get(f"/dashboard/campaigns/{campaign.pk}/overview/")
    assert len(page.context["channels"]) == 20
    assert f'href="/dashboard/campaigns/{campaign.pk}/change/#id_channels">and 3 more' in words(page)


def test_while_the_campaign_runs_the_figures_follow_by_themselves(
    owner_client: Client, live: Channel, campaign: Campaign, viewer: User
) -> None:
    beats(viewer, live, 0, 60)
    page = f"/dashboard/campaigns/{campaign.pk}/overview/"
    whole = owner_client.get(page).text
    part = owner_client.get(page, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div class="stack dash-part" id="campaign-figures" hx-get=')
    assert part.strip() in whole
    assert "12:00:00 UTC</time> is counted." in part
    assert ">1<" in part  # the minute

    Campaign.objects.filter(pk=campaign.pk).update(ends_at=NOW)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        over = owner_client.get(page).text.partition('id="campaign-figures"')[2]
    assert "hx-get" not in over.partition(">")[0]


def test_a_rival_gets_no_part_of_it(client: Client, rival_owner: User, campaign: Campaign) -> None:
    page = f"/dashboard/campaigns/{campaign.pk}/overview/"
    assert sign_in(client, rival_owner).get(page, headers={"HX-Request": "true"}).status_code == 404


def test_a_part_takes_few_queries(
    owner_client: Client, campaign: Campaign, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    page = f"/dashboard/campaigns/{campaign.pk}/overview/"
    with django_assert_max_num_queries(16):
        owner_client.get(page, headers={"HX-Request": "true"})
