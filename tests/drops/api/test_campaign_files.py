"""POST …/plan says what a file would change, and PATCH with that plan does this or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import OAuthApp, Organization
from drops.models import Campaign, Category
from tests import factories
from tests.api import bearer


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(factories.NOW, tick=False):
        yield


@pytest.fixture
def campaign(studio: Organization, category: Category) -> Campaign:
    made: Campaign = factories.CampaignFactory(organization=studio, category=category, name="Storm season")
    factories.CampaignRewardFactory(campaign=made, reward__name="Wings")
    return made


def call(client: Client, campaign: Campaign, method: str, more: str, body: Any) -> Any:
    path = f"/public/v1/drops/campaigns/{campaign.pk}{more}"
    return client.generic(method, path, json.dumps(body), content_type="application/json")


@pytest.fixture
def api(studio_app: OAuthApp) -> Client:
    return bearer(studio_app, scope="drops:write")


def test_a_plan_names_each_change_in_the_words_of_the_file(api: Client, campaign: Campaign) -> None:
    attached = campaign.campaign_rewards.get()
    body = {
        "name": "Storm season II",
        "category_id": None,
        "ends_at": "2026-12-24T12:00:00Z",
        "rewards": [{"reward_id": attached.reward_id, "required_minutes": 30}],
    }
    data = call(api, campaign, "POST", "/plan", body).json()["data"]
    assert data["can_be_applied"] is False
    assert {change["field"]: (change["before"], change["after"]) for change in data["changes"]} == {
        "name": ("Storm season", "Storm season II"),
        "category_id": (campaign.category_id, None),
        "ends_at": ("2026-11-26T12:00:00Z", "2026-12-24T12:00:00Z"),
        "rewards": (60, 30),
    }
    refused = [change["field"] for change in data["changes"] if change["refused"]]
    assert refused == ["category_id"]
    assert data["problems"] == []


def test_the_plan_is_done_once_and_only_as_it_was(api: Client, campaign: Campaign) -> None:
    body = {"name": "Storm season II"}
    version = call(api, campaign, "POST", "/plan", body).json()["data"]["version"]
    assert call(api, campaign, "PATCH", f"?plan={version}", {"name": "Another"}).status_code == 409
    assert call(api, campaign, "PATCH", f"?plan={version}&dry_run=true", body).json()["data"]["valid"]
    assert call(api, campaign, "PATCH", f"?plan={version}", body).status_code == 200
    again = call(api, campaign, "PATCH", f"?plan={version}", body)
    assert again.status_code == 409
    assert "Make a new plan" in again.json()["message"]
    campaign.refresh_from_db()
    assert campaign.name == "Storm season II"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 5}, "name"),
        ({"nonsense": 1}, "nonsense"),
        ({"rewards": [{"reward_id": "01K0TDDR08Q5ZNWXK92VRXD7GW", "required_minutes": 1}]}, "rewards"),
        ({"channels": ["nobody"]}, "channels"),
        ({"id": "x"}, "id"),
    ],
)
def test_a_body_that_is_no_campaign_is_a_problem_of_the_plan(
    api: Client, campaign: Campaign, body: Any, field: str
) -> None:
    data = call(api, campaign, "POST", "/plan", body).json()["data"]
    assert (data["can_be_applied"], data["changes"], data["version"]) == (False, [], "")
    assert [problem["field"] for problem in data["problems"]] == [field]


def test_others_plan_nothing(campaign: Campaign, studio_app: OAuthApp, rival_studio: Organization) -> None:
    rival = bearer(factories.OAuthAppFactory(organization=rival_studio), scope="drops:write")
    assert call(rival, campaign, "POST", "/plan", {}).status_code == 404
    assert call(bearer(studio_app), campaign, "POST", "/plan", {}).status_code == 403
    assert call(Client(), campaign, "POST", "/plan", {}).status_code == 401


def test_a_list_is_no_body(api: Client, campaign: Campaign) -> None:
    answer = call(api, campaign, "POST", "/plan", [])
    assert answer.status_code == 200
    assert answer.json()["data"]["problems"] == [{"field": "", "message": "The body must be a JSON object."}]
