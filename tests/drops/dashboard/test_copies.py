"""Next week's campaign in three clicks, and campaigns as the JSON that the API takes."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import MemberRole, OAuthApp, Organization
from drops.domain.campaigns.plans import plan_of
from drops.models import Campaign, Category, Reward
from tests import factories
from tests.api import bearer
from tests.dashboard import form_data, press, send_form, sign_in, words
from tests.factories import NOW
from tests.html import assert_well_made

IMPORT = "/dashboard/campaigns/import/"


@pytest.fixture
def campaign(studio: Organization, studio_app: OAuthApp, category: Category) -> Campaign:
    """With seconds, which no picker knows."""
    seconds = timedelta(seconds=37)
    made = factories.CampaignFactory(
        organization=studio,
        category=category,
        name="Storm season",
        starts_at=NOW - timedelta(days=1) + seconds,
        ends_at=NOW + timedelta(days=5) + seconds,
    )
    reward = factories.RewardFactory(organization=studio, category=category, name="Cape")
    factories.CampaignRewardFactory(campaign=made, reward=reward)
    factories.AllowedChannelFactory(campaign=made, channel__slug="streamer")
    return made


def link(page: Any, label: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?\s*{label}</a>', page.content.decode())
    assert found, f"no link {label}"
    return found[1]


def test_next_weeks_campaign_takes_three_clicks(owner_client: Client, campaign: Campaign) -> None:
    overview = f"/dashboard/campaigns/{campaign.pk}/overview/"
    first = link(owner_client.get(overview), "Copy")
    assert_well_made(owner_client.get(first))
    second = send_form(owner_client, first)
    publish = second.redirect_chain[-1][0]
    assert "“Storm season” was copied to a draft." in words(second)
    press(owner_client, publish)
    made = Campaign.objects.exclude(pk=campaign.pk).get()
    assert made.published_at == NOW
    before, after = plan_of(campaign), plan_of(made)
    for name in ("announces_at", "starts_at", "ends_at", "closes_at"):
        assert getattr(after, name) - getattr(before, name) == timedelta(days=7), name
    assert (after.name, after.rewards, after.channels) == (before.name, before.rewards, before.channels)


def test_a_copy_that_cannot_be_published_yet_opens_with_what_it_lacks(
    owner_client: Client, campaign: Campaign, studio_app: OAuthApp
) -> None:
    campaign.withdrawn_at = NOW
    campaign.save()
    OAuthApp.objects.filter(pk=studio_app.pk).update(deleted_at=NOW)
    page = send_form(owner_client, f"/dashboard/campaigns/{campaign.pk}/copy/")
    made = Campaign.objects.exclude(pk=campaign.pk).get()
    assert page.redirect_chain[-1][0] == f"/dashboard/campaigns/{made.pk}/overview/"
    assert "Create an OAuth app" in words(page)


@pytest.mark.parametrize(
    ("fields", "named", "said"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"name": "x" * 121}, "name", "at most 120 characters"),
        ({"starts_at": "soon"}, "starts_at", "Enter a valid date/time."),
        ({"starts_at": "1999-01-01T10:00"}, "starts_at", "between 2000 and 2100"),
        ({"starts_at": "9999-12-31T23:59"}, "starts_at", "between 2000 and 2100"),
    ],
)
def test_what_is_wrong_with_a_copy_is_said_at_its_field(
    owner_client: Client, campaign: Campaign, fields: dict[str, str], named: str, said: str
) -> None:
    page = send_form(owner_client, f"/dashboard/campaigns/{campaign.pk}/copy/", **fields)
    assert said in str(page.context["form"].errors[named])
    assert Campaign.objects.get() == campaign


def test_a_reward_that_was_archived_meanwhile_is_named(owner_client: Client, campaign: Campaign) -> None:
    Reward.objects.update(archived_at=NOW)
    page = send_form(owner_client, f"/dashboard/campaigns/{campaign.pk}/copy/", name="Storm II")
    assert "“Cape” is archived. Restore it first." in words(page)
    assert 'value="Storm II"' in words(page)
    assert Campaign.objects.get() == campaign


def exported(client: Client, campaign: Campaign) -> str:
    return client.get(f"/dashboard/campaigns/{campaign.pk}/export/").content.decode()


def test_what_is_exported_is_the_body_that_the_api_takes(
    owner_client: Client, campaign: Campaign, studio_app: OAuthApp
) -> None:
    page = owner_client.get(f"/dashboard/campaigns/{campaign.pk}/export/")
    assert page.headers["Content-Disposition"] == 'attachment; filename="storm-season.json"'
    made = bearer(studio_app, scope="drops:write").post(
        "/public/v1/drops/campaigns", page.content.decode(), content_type="application/json"
    )
    assert made.status_code == 201, made.content
    copy = Campaign.objects.get(pk=made.json()["data"]["id"])
    assert plan_of(copy) == plan_of(campaign)


def test_what_was_exported_is_imported_as_a_file_or_as_text(owner_client: Client, campaign: Campaign) -> None:
    assert_well_made(owner_client.get(IMPORT))
    text = exported(owner_client, campaign)
    for sent in (
        {"text": text},
        {"file": SimpleUploadedFile("a.json", b"\xef\xbb\xbf" + text.encode())},
    ):
        page = send_form(owner_client, IMPORT, **sent)
        assert "The draft “Storm season” was created." in words(page)
        made = Campaign.objects.first()
        assert made != campaign
        assert (plan_of(made), made.published_at) == (plan_of(campaign), None)
    assert Campaign.objects.count() == 3


def test_what_is_wrong_with_a_file_is_said_by_the_names_of_the_api_and_the_text_is_kept(
    owner_client: Client, campaign: Campaign, rival_studio: Organization
) -> None:
    body = json.loads(exported(owner_client, campaign))
    theirs = factories.RewardFactory(organization=rival_studio)
    body |= {"grace_days": 999, "colour": "red", "rewards": [{"reward_id": theirs.pk, "required_minutes": 5}]}
    file = SimpleUploadedFile("a.json", json.dumps(body).encode())
    page = send_form(owner_client, IMPORT, file=file)
    assert_well_made(page)
    said = words(page)
    assert "<code>grace_days</code>: <code>must be a whole number from 0 to 365" in said
    assert "<code>colour</code>: <code>Unknown field." in said
    assert f"<code>rewards</code>: <code>Your organization has no reward {theirs.pk}" in said
    assert page.context["form"]["text"].value() == json.dumps(body)
    body = json.loads(exported(owner_client, campaign)) | {"ends_at": "2026-01-01T00:00:00Z"}
    page = send_form(owner_client, IMPORT, text=json.dumps(body))
    assert "The end must be after the start." in words(page)
    assert Campaign.objects.get() == campaign


@pytest.mark.parametrize(
    "sent",
    [
        {"text": ""},
        {"text": "nonsense"},
        {"text": "[" * 100_000},
        {"text": '{"name": NaN}'},
        {"text": r'{"name": "\u0000"}'},
        {"text": r'{"name": "\ud800"}'},
        {"text": "[]"},
        {"text": "5"},
        {"file": b"\xff\xfe\x00"},
        {"file": b"{}" + b" " * 300_000},
        {"file": b"\x89PNG"},
        {"file": b""},
    ],
    ids=lambda sent: str(sent)[:30],
)
def test_what_is_no_campaign_at_all_is_refused_in_words(
    owner_client: Client, campaign: Campaign, sent: dict[str, Any]
) -> None:
    if "file" in sent:
        sent = {"file": SimpleUploadedFile("a.json", sent["file"])}
    page = send_form(owner_client, IMPORT, **sent)
    assert page.status_code == 200
    assert page.context["form"].errors or page.context["problems"]
    assert Campaign.objects.get() == campaign


def test_everybody_who_sees_campaigns_exports_and_only_those_who_change_them_import_and_copy(
    studio: Organization, campaign: Campaign, owner_client: Client
) -> None:
    analyst = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user
    theirs = sign_in(Client(), analyst)
    page = words(theirs.get(f"/dashboard/campaigns/{campaign.pk}/overview/"))
    assert "/export/" in page
    assert "/copy/" not in page
    assert "/import/" not in words(theirs.get("/dashboard/campaigns/"))
    assert "/import/" in words(owner_client.get("/dashboard/campaigns/"))
    data, _ = form_data(owner_client, IMPORT)
    for url in (IMPORT, f"/dashboard/campaigns/{campaign.pk}/copy/"):
        assert theirs.get(url).status_code == theirs.post(url, data).status_code == 403


def test_a_campaign_is_made_from_a_template_with_its_dates_shifted(
    owner_client: Client, campaign: Campaign, rival_studio: Organization
) -> None:
    factories.CampaignFactory(organization=rival_studio, name="Storm of others")
    Campaign.objects.filter(pk=campaign.pk).update(published_at=None, archived_at=NOW)
    page = owner_client.get(link(owner_client.get("/dashboard/campaigns/"), "New from template"))
    assert_well_made(page)
    assert [each.name for each in page.context["campaigns"]] == ["Storm season"]
    assert "Archived" in words(page)
    found = owner_client.get("/dashboard/campaigns/templates/", {"q": "STORM S"})
    assert list(found.context["campaigns"]) == [campaign]
    for nothing in ("nothing of the kind", "%", "\0%"):
        nowhere = owner_client.get("/dashboard/campaigns/templates/", {"q": nothing})
        assert nowhere.status_code == 400 or not nowhere.context["campaigns"]
    send_form(owner_client, f"/dashboard/campaigns/{campaign.pk}/copy/", starts_at="2026-12-24T18:00")
    made = Campaign.objects.get(organization=campaign.organization, archived_at=None)
    assert f"{made.starts_at:%Y-%m-%dT%H:%M:%S}" == "2026-12-24T18:00:37"
    assert made.ends_at - made.starts_at == campaign.ends_at - campaign.starts_at


def test_templates_cost_the_same_with_more_campaigns(owner_client: Client, campaign: Campaign) -> None:
    owner_client.get("/dashboard/campaigns/templates/")
    counts = []
    for _times in range(2):
        with CaptureQueriesContext(connection) as captured:
            owner_client.get("/dashboard/campaigns/templates/")
        counts.append(len(captured))
        factories.CampaignFactory.create_batch(2, organization=campaign.organization)
    assert counts[0] == counts[1]
