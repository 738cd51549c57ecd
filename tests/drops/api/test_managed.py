import base64
import json
from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from django.test import Client
from PIL import Image

from accounts.domain import two_owners
from accounts.models import AuditEvent, OAuthApp, Organization, Proposal, User
from accounts.tasks import clear_tokens
from drops.api.managed import TWO_OWNERS
from drops.models import Campaign, Category, Channel, Reward
from tests import factories
from tests.api import bearer

CAMPAIGNS = "/public/v1/drops/campaigns"
REWARDS = "/public/v1/drops/rewards"


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(factories.NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def api(studio_app: OAuthApp) -> Client:
    return bearer(studio_app, scope="drops:write")


@pytest.fixture
def reward(studio: Organization, category: Category) -> Reward:
    return factories.RewardFactory(organization=studio, category=category, name="Wings")


@pytest.fixture
def plan(category: Category, reward: Reward, channel: Channel) -> dict[str, object]:
    return {
        "name": "Storm season",
        "category_id": category.pk,
        "info_url": "https://studio.example.com/storm",
        "starts_at": "2026-12-01T12:00:00Z",
        "ends_at": "2026-12-08T13:00:00+01:00",
        "announcement_days": 2,
        "grace_days": 3,
        "test_mode": False,
        "rewards": [{"reward_id": reward.pk, "required_minutes": 60}],
        "channels": ["streamer"],
    }


def post(client: Client, path: str, body: object = None, **headers: str):
    return client.post(path, json.dumps(body or {}), content_type="application/json", headers=headers)


def patch(client: Client, path: str, body: object):
    return client.patch(path, json.dumps(body), content_type="application/json")


def test_the_body_that_made_a_campaign_can_be_sent_again(
    api: Client, studio_app: OAuthApp, plan: dict[str, object], at_noon: time_machine.Traveller
):
    path = f"{CAMPAIGNS}/{post(api, CAMPAIGNS, plan).json()['data']['id']}"
    Campaign.objects.update(published_at=factories.NOW)
    made = api.get(path).json()["data"]
    at_noon.move_to("2026-12-02T12:00:00Z")
    api = bearer(studio_app, scope="drops:write")

    assert patch(api, path, plan).status_code == 200
    assert api.get(path).json()["data"] == made | {"phase": "live", "updated_at": "2026-12-02T12:00:00Z"}
    assert patch(api, path, made).json()["message"].startswith("id: Unknown field. Allowed: name, ")


def test_a_campaign_is_made_read_changed_published_and_withdrawn(
    api: Client, plan: dict, studio_app: OAuthApp
) -> None:
    made = post(api, CAMPAIGNS, plan)
    assert made.status_code == 201, made.content
    campaign = made.json()["data"]
    path = f"{CAMPAIGNS}/{campaign['id']}"
    assert (campaign["phase"], campaign["before_publishing"]) == ("draft", [])
    assert campaign | plan == campaign | {"ends_at": plan["ends_at"]}
    assert campaign["ends_at"] == "2026-12-08T12:00:00Z"

    assert api.get(path).json()["data"].keys() == campaign.keys() - {"before_publishing"}
    assert patch(api, path, {"name": "Storms", "channels": []}).json()["data"]["channels"] == []
    assert post(api, f"{path}/publish").json()["data"]["phase"] == "scheduled"
    assert post(api, f"{path}/withdraw").json()["data"]["phase"] == "withdrawn"
    actions = AuditEvent.objects.filter(target_id=campaign["id"]).order_by("pk")
    assert list(actions.values_list("action", "actor_app")) == [
        (f"campaign.{verb}", studio_app.pk) for verb in ("created", "changed", "published", "withdrawn")
    ]


def test_a_live_campaign_is_withdrawn_by_two_owners_where_the_organization_wants_it(
    api: Client, studio: Organization, owner: User, second_owner: User
) -> None:
    two_owners.turn_on(organization=studio, now=factories.NOW, actor=owner)
    live = factories.CampaignFactory(organization=studio)
    path = f"{CAMPAIGNS}/{live.pk}/withdraw"
    for way in (path, path, f"{CAMPAIGNS}/{live.pk}/end"):
        answer = post(api, way, **{"idempotency-key": "once"})
        assert answer.status_code == 409
        assert answer.json()["message"] == TWO_OWNERS
    assert not Proposal.objects.exists()
    assert post(api, f"{path}?dry_run=true").json()["data"] == {
        "valid": False,
        "problems": [{"field": "", "message": TWO_OWNERS}],
        "result": None,
    }
    assert api.get(f"{CAMPAIGNS}/{live.pk}").json()["data"]["phase"] == "live"
    scheduled = factories.CampaignFactory(organization=studio, starts_at=factories.NOW + timedelta(days=1))
    assert post(api, f"{CAMPAIGNS}/{scheduled.pk}/withdraw").json()["data"]["phase"] == "withdrawn"


def test_a_live_campaign_is_ended(api: Client, studio: Organization, studio_app: OAuthApp) -> None:
    live = factories.CampaignFactory(organization=studio)
    path = f"{CAMPAIGNS}/{live.pk}/end"
    assert post(api, f"{path}?dry_run=true").json()["data"]["result"]["phase"] == "grace"
    assert api.get(f"{CAMPAIGNS}/{live.pk}").json()["data"]["phase"] == "live"
    for _twice in range(2):
        ended = post(api, path).json()["data"]
        assert (ended["phase"], ended["ends_at"], ended["grace_days"]) == ("grace", "2026-11-20T12:00:00Z", 9)
    assert AuditEvent.objects.get(action="campaign.ended").actor_app == studio_app
    draft = factories.CampaignFactory(organization=studio, published_at=None)
    refused = post(api, f"{CAMPAIGNS}/{draft.pk}/end")
    assert (refused.status_code, refused.json()["message"]) == (422, "Only a live campaign can be ended.")


def test_what_is_read_can_be_sent_back(api: Client, plan: dict) -> None:
    campaign = post(api, CAMPAIGNS, plan).json()["data"]
    fields = {name: campaign[name] for name in plan}
    path = f"{CAMPAIGNS}/{campaign['id']}"
    assert patch(api, path, fields).status_code == 200
    assert api.get(path).json()["data"] | {"updated_at": ""} == {
        key: value for key, value in campaign.items() if key != "before_publishing"
    } | {"updated_at": ""}


def test_every_problem_is_told_at_once_and_nothing_is_made(api: Client, plan: dict) -> None:
    bad = {"name": 5, "starts_at": "tomorrow", "grace_days": 999, "test_mode": "yes", "colour": "red"}
    response = post(api, CAMPAIGNS, bad)
    assert response.status_code == 422
    message = response.json()["message"]
    for words in (
        "name: must be a string of at most 120 characters.",
        "starts_at: must be a time with zone",
        "grace_days: must be a whole number from 0 to 365",
        "test_mode: must be true or false",
        "colour: Unknown field. Allowed: name, category_id, ",
        "ends_at: is required.",
    ):
        assert words in message
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ends_at": "2026-11-01T00:00:00Z"}, "ends_at"),
        ({"starts_at": "1969-01-01T00:00:00Z"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at"),
        ({"starts_at": 20261201}, "starts_at"),
        ({"category_id": 2**63}, "category_id"),
        ({"category_id": 0}, "category_id"),
        ({"category_id": True}, "category_id"),
        ({"category_id": "1234"}, "category_id"),
        ({"category_id": ""}, "category_id"),
        ({"rewards": [{"reward_id": "x", "required_minutes": 1}]}, "rewards[0].reward_id"),
        ({"rewards": [{"reward_id": "01JAXK8N4QWRTY5PM7ZEBVJDS8"}]}, "rewards[0].required_minutes"),
        ({"rewards": [{"reward_id": "01JAXK8N4QWRTY5PM7ZEBVJDS8", "required_minutes": 1}]}, "rewards"),
        ({"rewards": {}}, "rewards"),
        ({"rewards": [1]}, "rewards[0]"),
        ({"channels": ["nobody"]}, "channels"),
        ({"channels": "streamer"}, "channels"),
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"info_url": "javascript:alert(1)"}, "info_url"),
    ],
)
def test_impossible_values_are_422_by_field(api: Client, plan: dict, change: dict, field: str) -> None:
    response = post(api, CAMPAIGNS, plan | change)
    assert response.status_code == 422, response.content
    assert f"{field}: " in response.json()["message"]
    assert not Campaign.objects.exists()


def test_a_rivals_things_cannot_be_used(
    api: Client, plan: dict, rival_studio: Organization, rival_app: OAuthApp
) -> None:
    theirs = factories.RewardFactory(organization=rival_studio)
    for change in (
        {"category_id": theirs.category_id},
        {"rewards": [{"reward_id": theirs.pk, "required_minutes": 5}]},
    ):
        assert post(api, CAMPAIGNS, plan | change).status_code == 422
    mine = post(api, CAMPAIGNS, plan).json()["data"]["id"]
    rival = bearer(rival_app, scope="drops:write")
    for response in (
        rival.get(f"{CAMPAIGNS}/{mine}"),
        patch(rival, f"{CAMPAIGNS}/{mine}", {"name": "Ours"}),
        post(rival, f"{CAMPAIGNS}/{mine}/publish"),
        post(rival, f"{CAMPAIGNS}/{mine}/end"),
        post(rival, f"{CAMPAIGNS}/{mine}/withdraw"),
        rival.get(f"{CAMPAIGNS}/{mine}/statistics"),
    ):
        assert (response.status_code, response.json()["message"]) == (404, f"No such campaign: {mine}.")
    assert rival.get(CAMPAIGNS).json()["data"]["campaigns"] == []


def test_writing_needs_the_scope_and_reading_does_not(studio_app: OAuthApp, plan: dict, api: Client) -> None:
    path = f"{CAMPAIGNS}/{post(api, CAMPAIGNS, plan).json()['data']['id']}"
    reader = bearer(studio_app)
    assert [reader.get(address).status_code for address in (CAMPAIGNS, path, REWARDS)] == [200] * 3
    refused = [
        post(reader, CAMPAIGNS, plan),
        patch(reader, path, {}),
        post(reader, f"{path}/publish"),
        post(reader, REWARDS, {}),
    ]
    assert [response.status_code for response in refused] == [403] * 4


def test_a_dry_run_finds_the_problems_and_changes_nothing(api: Client, plan: dict) -> None:
    dry = f"{CAMPAIGNS}?dry_run=true"
    good = post(api, dry, plan).json()["data"]
    assert (good["valid"], good["problems"]) == (True, [])
    assert good["result"]["name"] == "Storm season"
    bad = post(api, dry, plan | {"name": "", "grace_days": -1}).json()["data"]
    assert bad["valid"] is False
    assert {problem["field"] for problem in bad["problems"]} == {"name", "grace_days"}
    bad = post(api, dry, plan | {"ends_at": plan["starts_at"]}).json()["data"]
    assert [problem["field"] for problem in bad["problems"]] == ["ends_at"]
    empty = post(api, dry, plan | {"rewards": []}).json()["data"]
    assert [problem["code"] for problem in empty["result"]["before_publishing"]] == ["no_rewards"]
    assert not Campaign.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_dry_run_lists_what_the_fields_and_the_rules_say_at_once_by_the_names_that_were_sent(
    api: Client, plan: dict, rival_studio: Organization
) -> None:
    theirs = factories.RewardFactory(organization=rival_studio)
    bad = plan | {
        "category_id": theirs.category_id,
        "info_url": "javascript:alert(1)",
        "ends_at": plan["starts_at"],
        "grace_days": -1,
        "colour": "red",
    }
    made = post(api, CAMPAIGNS, plan).json()["data"]["id"]
    for answer in (
        post(api, f"{CAMPAIGNS}?dry_run=true", bad),
        patch(api, f"{CAMPAIGNS}/{made}?dry_run=true", bad),
    ):
        problems = answer.json()["data"]["problems"]
        assert sorted(problem["field"] for problem in problems) == [
            "category_id",
            "colour",
            "ends_at",
            "grace_days",
            "info_url",
        ]
    told = post(api, CAMPAIGNS, bad)
    assert told.status_code == 422
    assert "category_id: Choose a category that your organization claims, or none." in told.json()["message"]


def test_a_change_needs_whole_rewards_though_it_needs_no_other_field(api: Client, plan: dict) -> None:
    path = f"{CAMPAIGNS}/{post(api, CAMPAIGNS, plan).json()['data']['id']}"
    response = patch(api, path, {"rewards": [{"reward_id": plan["rewards"][0]["reward_id"]}]})
    assert response.status_code == 422
    assert response.json()["message"] == "rewards[0].required_minutes: is required."


def test_publishing_tells_every_problem(api: Client, plan: dict, studio: Organization) -> None:
    Organization.objects.update(connect_url="")
    path = f"{CAMPAIGNS}/{post(api, CAMPAIGNS, plan | {'rewards': []}).json()['data']['id']}"
    for response in (post(api, f"{path}/publish"), post(api, f"{path}/publish?dry_run=true")):
        told = response.content.decode()
        assert "Attach at least one reward." in told
        assert "Set the connection page" in told
    assert Campaign.objects.get().published_at is None


def test_an_idempotency_key_makes_one_of_two_calls(api: Client, plan: dict, studio_app: OAuthApp) -> None:
    key = {"idempotency-key": "deploy-7"}
    first, second = post(api, CAMPAIGNS, plan, **key), post(api, CAMPAIGNS, plan, **key)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Campaign.objects.count() == 1
    other = post(api, CAMPAIGNS, plan | {"name": "Other"}, **key)
    assert (other.status_code, other.json()["data"]) == (422, None)
    assert post(api, CAMPAIGNS, plan, **{"idempotency-key": "x" * 256}).status_code == 400


def test_a_call_that_failed_leaves_the_key_free(api: Client, plan: dict) -> None:
    key = {"idempotency-key": "k"}
    assert post(api, CAMPAIGNS, plan | {"ends_at": plan["starts_at"]}, **key).status_code == 422
    assert post(api, CAMPAIGNS, plan, **key).status_code == 201


def test_keys_are_forgotten_after_a_day(api: Client, plan: dict, at_noon, studio_app: OAuthApp) -> None:
    key = {"idempotency-key": "k"}
    post(api, CAMPAIGNS, plan, **key)
    at_noon.shift(86401)
    clear_tokens()
    later = bearer(studio_app, scope="drops:write")
    with time_machine.travel(factories.NOW, tick=False):
        assert post(later, CAMPAIGNS, plan, **key).status_code == 201
    assert Campaign.objects.count() == 2


def picture(*size: int) -> str:
    raw = BytesIO()
    Image.new("RGB", size or (256, 256), "red").save(raw, "PNG")
    return base64.b64encode(raw.getvalue()).decode()


def test_a_reward_is_made_changed_and_archived(api: Client, category: Category) -> None:
    made = post(
        api,
        REWARDS,
        {"name": "Wings", "category_id": category.pk, "external_id": "w", "image": picture()},
    )
    assert made.status_code == 201, made.content
    reward = made.json()["data"]
    assert reward.keys() == {
        "id",
        "name",
        "category_id",
        "external_id",
        "image_url",
        "archived",
        "created_at",
        "updated_at",
    }
    assert reward["image_url"].endswith(".webp")
    path = f"{REWARDS}/{reward['id']}"
    assert patch(api, path, {"name": "Storm wings", "archived": True}).json()["data"]["archived"] is True
    assert api.get(path).json()["data"]["name"] == "Storm wings"
    assert patch(api, path, {"archived": False}).json()["data"]["archived"] is False


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"image": "!"}, "image"),
        ({"image": base64.b64encode(b"no picture").decode()}, "image"),
        ({"image": picture(800, 300)}, "image"),
        ({"category_id": None}, "category_id"),
        ({"name": None}, "name"),
        ({"external_id": "x" * 256}, "external_id"),
    ],
)
def test_impossible_rewards_are_422_by_field(
    api: Client, category: Category, change: dict, field: str
) -> None:
    body = {"name": "Wings", "category_id": category.pk} | change
    response = post(api, REWARDS, body)
    assert response.status_code == 422, response.content
    assert f"{field}: " in response.json()["message"]
    assert not Reward.objects.exists()


def test_a_reward_in_use_stays(api: Client, studio: Organization) -> None:
    attached = factories.CampaignRewardFactory(campaign__organization=studio)
    response = patch(api, f"{REWARDS}/{attached.reward_id}", {"name": "New", "archived": True})
    assert response.status_code == 422
    attached.reward.refresh_from_db()
    assert attached.reward.name != "New"


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_campaigns(
    api: Client, studio: Organization, django_assert_num_queries, count: int
) -> None:
    for _ in range(count):
        campaign = factories.CampaignRewardFactory(campaign__organization=studio).campaign
        factories.AllowedChannelFactory(campaign=campaign)
    with django_assert_num_queries(5):
        assert len(api.get(CAMPAIGNS).json()["data"]["campaigns"]) == count
    with django_assert_num_queries(2):
        assert len(api.get(REWARDS).json()["data"]["rewards"]) == count


def test_pages_of_campaigns_follow_the_cursor(api: Client, studio: Organization) -> None:
    made = sorted(campaign.pk for campaign in factories.CampaignFactory.create_batch(3, organization=studio))
    first = api.get(CAMPAIGNS, {"limit": 2}).json()["data"]
    rest = api.get(CAMPAIGNS, {"limit": 2, "cursor": first["cursor"]}).json()["data"]
    assert [item["id"] for item in first["campaigns"] + rest["campaigns"]] == made
    assert rest["cursor"] == ""
