"""A studio's continuous integration rehearses a campaign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import OAuthApp, Organization, User
from drops.models import Campaign, CampaignReward, Grant
from fulfillment.domain.rehearsals import starting
from fulfillment.models import Rehearsal, WebhookEndpoint
from tests import factories
from tests.api import bearer
from tests.factories import NOW
from tests.fulfillment.receiver import Receiver, Reply

pytestmark = pytest.mark.django_db
NOBODY = "01K0TDDR08Q5ZNWXK92VRXD7GX"


@pytest.fixture
def campaign(studio: Organization) -> Campaign:
    return factories.CampaignFactory(organization=studio, test_mode=True, published_at=None)


@pytest.fixture
def api(studio_app: OAuthApp, attached: CampaignReward) -> Iterator[Client]:
    with time_machine.travel(NOW, tick=False):
        yield bearer(studio_app, scope="drops:write")


def start(api: Client, campaign: Campaign, body: Any, **headers: str) -> Any:
    path = f"/public/v1/drops/campaigns/{campaign.pk}/rehearsals"
    return api.post(path, body, content_type="application/json", headers=headers)


def test_a_pipeline_starts_one_and_reads_what_came_of_it(
    api: Client,
    campaign: Campaign,
    owner: User,
    studio_app: OAuthApp,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
) -> None:
    receiver.answers(Reply(500, body=b"no such item"))
    started = start(api, campaign, {"user_id": owner.pk, "stand_in": True})
    assert started.status_code == 202
    run = api.get(f"/public/v1/drops/rehearsals/{started.json()['data']['id']}").json()["data"]
    assert (run["state"], run["user_id"]) == ("failed", owner.pk)
    assert [(step["step"], step["state"], step["code"]) for step in run["steps"]] == [
        ("watch", "passed", "granted_no_stream"),
        ("link", "skipped", "stand_in"),
        ("claim", "passed", "claimed"),
        ("delivery", "failed", "not_delivered"),
    ]
    (exchange,) = run["deliveries"]
    assert (exchange["attempt"]["status"], exchange["attempt"]["response_body"]) == (500, "no such item")
    assert Grant.objects.get().granted_by_app == studio_app
    (claim,) = api.get("/public/v1/drops/claims").json()["data"]["claims"]
    assert (claim["claim_id"], claim["test"]) == (run["claim_id"], True)


def test_a_key_starts_one(api: Client, campaign: Campaign, owner: User) -> None:
    body = {"user_id": owner.pk, "stand_in": True}
    first = start(api, campaign, body, **{"idempotency-key": "build-7"})
    again = start(api, campaign, body, **{"idempotency-key": "build-7"})
    assert again.json() == first.json()
    assert Rehearsal.objects.get().state == "passed"


def test_a_dry_run_starts_none(api: Client, campaign: Campaign, owner: User) -> None:
    path = f"/public/v1/drops/campaigns/{campaign.pk}/rehearsals?dry_run=true"
    answer = api.post(path, {"user_id": owner.pk}, content_type="application/json").json()["data"]
    assert answer["valid"]
    assert not Rehearsal.objects.exists()


def test_while_it_waits_it_says_where_to_connect(
    api: Client, campaign: Campaign, owner: User, studio: Organization
) -> None:
    run = start(api, campaign, {"user_id": owner.pk}).json()["data"]["id"]
    shown = api.get(f"/public/v1/drops/rehearsals/{run}").json()["data"]
    assert (shown["state"], shown["connect_url"]) == ("waiting", studio.connect_url)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 422, "user_id: is required."),
        ({"user_id": "1"}, 422, "user_id: must be a whole number"),
        ({"user_id": 2**63 - 1}, 422, "user_id: This is no member"),
        ({"user_id": 1, "reward_id": "x"}, 422, "reward_id: must be a ULID"),
        ({"user_id": 1, "stand_in": "yes"}, 422, "stand_in: must be true or false."),
        ({"user_id": 1, "minutes": 600}, 422, "minutes: Unknown field."),
        ([], 400, "The body must be a JSON object."),
    ],
)
def test_bad_input_is_told_by_its_name(
    api: Client, campaign: Campaign, body: Any, status: int, text: str
) -> None:
    answer = start(api, campaign, body)
    assert (answer.status_code, text in answer.json()["message"]) == (status, True), answer.content
    assert not Rehearsal.objects.exists()


@pytest.mark.parametrize("field", ["reward_id", "endpoint_id"])
def test_what_belongs_to_others_is_as_if_it_were_not_there(
    api: Client, campaign: Campaign, owner: User, rival_studio: Organization, field: str
) -> None:
    theirs = {
        "reward_id": factories.RewardFactory(organization=rival_studio),
        "endpoint_id": factories.WebhookEndpointFactory(organization=rival_studio),
    }[field]
    told = {
        start(api, campaign, {"user_id": owner.pk, field: pk}).json()["message"] for pk in (theirs.pk, NOBODY)
    }
    assert told == {f"{field}: There is no such thing in your organization."}


def test_of_a_stranger_and_of_nobody_the_same_is_said(
    api: Client, campaign: Campaign, stranger: User, rival_owner: User
) -> None:
    told = {
        start(api, campaign, {"user_id": pk}).json()["message"]
        for pk in (stranger.pk, rival_owner.pk, 987654321)
    }
    assert told == {"user_id: This is no member of your organization."}


def test_too_many_are_told_when_to_go_on(
    api: Client, campaign: Campaign, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "PER_MINUTE", 1)
    start(api, campaign, {"user_id": owner.pk, "stand_in": True})
    refused = start(api, campaign, {"user_id": owner.pk, "stand_in": True})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")


def test_it_needs_the_scope(studio_app: OAuthApp, campaign: Campaign, owner: User) -> None:
    refused = start(bearer(studio_app), campaign, {"user_id": owner.pk})
    assert (refused.status_code, refused.json()["message"]) == (403, "This needs the scope drops:write.")
