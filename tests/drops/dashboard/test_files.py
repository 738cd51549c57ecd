"""A campaign is updated from a file: upload, look at the plan, apply."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.models import OAuthApp, Organization
from drops.domain.campaigns.lifecycle import amend_campaign
from drops.models import Campaign, Category
from tests import factories
from tests.dashboard import words
from tests.factories import NOW
from tests.html import assert_well_made


@pytest.fixture
def campaign(studio: Organization, studio_app: OAuthApp, category: Category) -> Campaign:
    made: Campaign = factories.CampaignFactory(organization=studio, category=category, name="Storm season")
    factories.CampaignRewardFactory(campaign=made, reward__name="Wings")
    factories.AllowedChannelFactory(campaign=made, channel__slug="streamer")
    return made


def page_of(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/file/"


def exported(client: Client, campaign: Campaign) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(client.get(f"/dashboard/campaigns/{campaign.pk}/export/").content)
    return content


def send(client: Client, campaign: Campaign, body: Any, **more: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    fields = {FORM_FIELD: campaign.organization_id, "text": text, **more}
    return client.post(page_of(campaign), fields, follow=True)


def test_a_file_is_looked_at_and_then_applied(owner_client: Client, campaign: Campaign) -> None:
    body = exported(owner_client, campaign) | {
        "name": "Storm season II",
        "grace_days": 9,
        "channels": ["streamer"],
    }
    file = SimpleUploadedFile("storm.json", json.dumps(body | {"id": campaign.pk}).encode())
    page = owner_client.post(page_of(campaign), {FORM_FIELD: campaign.organization_id, "file": file})
    assert_well_made(page)
    assert "2 changes" in words(page)
    assert "The last day to claim can never move back." in words(page)
    campaign.refresh_from_db()
    assert campaign.name == "Storm season"
    drawn = {"version": page.context["plan"].version}
    done = send(owner_client, campaign, page.context["form"].data["text"], **drawn)
    assert "The file was applied to “Storm season”." in words(done)
    campaign.refresh_from_db()
    assert (campaign.name, campaign.grace_days) == ("Storm season II", 9)


def test_what_is_refused_is_told_and_nothing_is_applied(owner_client: Client, campaign: Campaign) -> None:
    body = exported(owner_client, campaign) | {"name": "Other", "starts_at": "2026-11-01T00:00:00Z"}
    page = send(owner_client, campaign, body)
    assert "2 changes, 1 refused" in words(page)
    assert "The campaign has started. You can no longer change this." in words(page)
    assert ">Apply</button>" not in words(page)
    again = send(owner_client, campaign, body, version=page.context["plan"].version)
    assert "Nothing is applied while a change is refused." in words(again)
    campaign.refresh_from_db()
    assert campaign.name == "Storm season"


def test_a_plan_that_is_out_of_date_is_refused(owner_client: Client, campaign: Campaign, owner: Any) -> None:
    body = exported(owner_client, campaign) | {"name": "Other"}
    version = send(owner_client, campaign, body).context["plan"].version
    amend_campaign(campaign=campaign, changes={"grace_days": 5}, now=NOW, actor=owner)
    page = send(owner_client, campaign, body, version=version)
    assert "The campaign is no longer as this plan found it." in words(page)
    assert "grace_days" in words(page)
    campaign.refresh_from_db()
    assert campaign.name == "Storm season"


def test_a_file_that_changes_nothing_says_so(owner_client: Client, campaign: Campaign) -> None:
    page = send(owner_client, campaign, exported(owner_client, campaign))
    assert "The campaign is as the file says." in words(page)
    assert ">Apply</button>" not in words(page)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "This is not JSON."),
        ("{", "This is not JSON."),
        ("[]", "must be a JSON object"),
        ('{"nonsense": 1}', "Unknown field"),
        ('{"name": 5}', "must be a string"),
        ('{"id": "01K0TDDR08Q5ZNWXK92VRXD7GW", "name": "Other"}', "This is the file of another campaign."),
        ('{"channels": ["<script>alert(1)</script>"]}', "There is no channel &lt;script&gt;"),
    ],
)
def test_what_is_no_file_of_the_campaign_is_said(
    owner_client: Client, campaign: Campaign, body: str, said: str
) -> None:
    for more in ({}, {"version": "0" * 32}):
        page = send(owner_client, campaign, body, **more)
        assert page.status_code == 200
        assert said in words(page)
    campaign.refresh_from_db()
    assert campaign.name == "Storm season"


def test_a_plan_costs_the_same_with_more_rewards(
    owner_client: Client, campaign: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 3):
        while campaign.campaign_rewards.count() < count:
            factories.CampaignRewardFactory(campaign=campaign)
        body = exported(owner_client, campaign) | {"starts_at": "2026-11-01T00:00:00Z"}
        with django_assert_num_queries(16):
            assert "1 refused" in words(send(owner_client, campaign, body))


def test_an_exported_file_with_an_id_is_imported_as_a_new_draft(
    owner_client: Client, campaign: Campaign
) -> None:
    body = exported(owner_client, campaign) | {"id": campaign.pk, "name": "Another"}
    fields = {FORM_FIELD: campaign.organization_id, "text": json.dumps(body)}
    page = owner_client.post("/dashboard/campaigns/import/", fields, follow=True)
    assert "The draft “Another” was created." in words(page)
