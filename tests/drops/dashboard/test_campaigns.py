"""Planning and publishing campaigns by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from drops.models import Campaign, CampaignReward, Category, Channel, Reward
from tests import factories
from tests.dashboard import press, send_form, words
from tests.drops.dashboard.campaigns import ROW, overview

ADD = "/dashboard/campaigns/add/"


@pytest.fixture
def fields(category: Category, reward: Reward) -> dict[str, Any]:
    return {
        "name": "Winter cup",
        "category": category.pk,
        "info_url": "https://studio.example.com/winter",
        "starts_at": "2026-12-01T18:00",
        "ends_at": "2026-12-08T18:00",
        "announcement_days": 3,
        "grace_days": 7,
        "channels": "",
        ROW.format(0, "reward"): reward.pk,
        ROW.format(0, "required_minutes"): 60,
        ROW.format(0, "position"): "",
    }


def test_a_campaign_from_nothing_to_published(
    owner_client: Client, studio: Organization, fields: dict[str, Any], channel: Channel
) -> None:
    page = send_form(owner_client, ADD, **(fields | {"channels": f"@{channel.slug.upper()}\n"}))
    campaign = studio.campaigns.get()
    assert page.redirect_chain[-1][0] == overview(campaign)
    assert campaign.starts_at.isoformat() == "2026-12-01T18:00:00+00:00"
    assert (campaign.announcement_days, campaign.grace_days) == (3, 7)
    assert [entry.channel for entry in campaign.allowed_channels.all()] == [channel]
    assert [(row.required_minutes, row.position) for row in campaign.campaign_rewards.all()] == [(60, 1)]

    assert "Create an OAuth app" in words(page)
    page = press(owner_client, f"/dashboard/campaigns/{campaign.pk}/publish/")
    assert "Create an OAuth app" in words(page)
    assert studio.campaigns.get().published_at is None

    factories.OAuthAppFactory(organization=studio)
    assert "Ready to publish" in words(owner_client.get(overview(campaign)))
    page = press(owner_client, f"/dashboard/campaigns/{campaign.pk}/publish/")
    assert "“Winter cup” was published" in words(page)
    assert studio.campaigns.get().published_at == factories.NOW


def test_pending_organizations_prepare_and_do_not_publish(
    owner_client: Client, studio: Organization, fields: dict[str, Any]
) -> None:
    studio.approved_at = None
    studio.save()
    send_form(owner_client, ADD, **fields)
    campaign = studio.campaigns.get()
    page = press(owner_client, f"/dashboard/campaigns/{campaign.pk}/publish/")
    assert "must approve the organization" in words(page)
    assert studio.campaigns.get().published_at is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\0b"),
        ("category", "999999"),
        ("info_url", "javascript:alert(1)"),
        ("info_url", "ftp://studio.example.com/"),
        ("starts_at", "yesterday"),
        ("starts_at", "0001-01-01T00:00"),
        ("starts_at", "2026-02-30T10:00"),
        ("starts_at", ""),
        ("ends_at", "9999-12-31T23:59"),
        ("ends_at", "2026-11-30T18:00"),
        ("announcement_days", "-1"),
        ("announcement_days", "many"),
        ("grace_days", "99999999999999999999"),
        ("channels", "no_such_channel"),
        ("channels", "\0"),
        ("channels", "a " * 2000),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    owner_client: Client, fields: dict[str, Any], field: str, value: str
) -> None:
    page = send_form(owner_client, ADD, **(fields | {field: value}))
    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == [field]
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("required_minutes", "0"),
        ("required_minutes", ""),
        ("required_minutes", "9" * 30),
        ("reward", "nonsense"),
        ("reward", "01M7WD7TG0CE1M5X06MWB1DY07"),
        ("position", "13"),
        ("position", "-1"),
        ("id", "999"),
        ("id", "nonsense"),
    ],
)
def test_rows_that_are_wrong_are_refused(
    owner_client: Client, fields: dict[str, Any], column: str, value: str
) -> None:
    page = send_form(owner_client, ADD, **(fields | {ROW.format(0, column): value}))
    assert page.status_code == 200
    assert page.context["errors"]
    assert not Campaign.objects.exists()


def test_a_tampered_row_count_is_a_message(owner_client: Client, fields: dict[str, Any]) -> None:
    for value in ("", "-1", "99999999999", "nonsense"):
        page = send_form(owner_client, ADD, **(fields | {"campaign_rewards-TOTAL_FORMS": value}))
        assert page.status_code == 200
    assert not CampaignReward.objects.exists()


def test_rewards_twice_and_thirteen_rewards_are_refused_in_words(
    owner_client: Client, studio: Organization, fields: dict[str, Any], reward: Reward
) -> None:
    twice = {
        "campaign_rewards-TOTAL_FORMS": 2,
        ROW.format(1, "reward"): reward.pk,
        ROW.format(1, "required_minutes"): 90,
        ROW.format(1, "position"): "",
    }
    assert "attached twice" in words(send_form(owner_client, ADD, **(fields | twice)))
    many: dict[str, Any] = {"campaign_rewards-TOTAL_FORMS": 13}
    for at in range(13):
        many |= {
            ROW.format(at, "reward"): factories.RewardFactory(organization=studio).pk,
            ROW.format(at, "required_minutes"): 60,
        }
    page = send_form(owner_client, ADD, **(fields | many))
    assert page.status_code == 200
    assert page.context["errors"]
    assert not Campaign.objects.exists()


def errors_of_rows(page: Any) -> list[dict[str, list[str]]]:
    return [dict(form.errors) for form in page.context["inline_admin_formsets"][0].formset.forms]


def test_what_is_wrong_with_a_reward_is_said_at_its_row(
    owner_client: Client, studio: Organization, fields: dict[str, Any], reward: Reward
) -> None:
    another = factories.RewardFactory(organization=studio).pk
    rows: dict[str, Any] = {"campaign_rewards-TOTAL_FORMS": 3}
    for at, (pk, position) in enumerate([(reward.pk, 4), (another, 5), (reward.pk, 5)]):
        filled_in = {"reward": pk, "required_minutes": 60 + at, "position": position}
        rows |= {ROW.format(at, name): value for name, value in filled_in.items()}
    page = send_form(owner_client, ADD, **(fields | rows))
    twice, together = ["A reward is attached twice."], ["Two rewards have the same position."]
    assert errors_of_rows(page) == [
        {"reward": twice},
        {"position": together},
        {"reward": twice, "position": together},
    ]
    notice = words(page).partition("Correct the marked fields below.")[2].partition("</div>")[0]
    assert re.findall(r'<a href="#id_([^"]+)">([^<]+)</a>', notice) == [
        (ROW.format(row, field), f"{field.capitalize()} in row {row + 1}")
        for row, field in ((0, "reward"), (1, "position"), (2, "reward"), (2, "position"))
    ]
    assert not Campaign.objects.exists()


def test_a_row_that_takes_something_away_from_viewers_is_marked(owner_client: Client, live: Campaign) -> None:
    url = f"/dashboard/campaigns/{live.pk}/change/"
    page = send_form(owner_client, url, **{ROW.format(0, "required_minutes"): 61})
    assert [list(errors) for errors in errors_of_rows(page)] == [["required_minutes"], []]
    page = send_form(owner_client, url, **{ROW.format(0, "DELETE"): "on"})
    assert [list(errors) for errors in errors_of_rows(page)] == [["reward"], []]


def test_what_cannot_be_told_apart_is_a_question_and_no_error(
    owner_client: Client, studio: Organization, fields: dict[str, Any], reward: Reward
) -> None:
    factories.CampaignFactory(organization=studio, name="winter CUP")
    twin = factories.RewardFactory(organization=studio, name="Red cape", external_id=reward.external_id)
    second = {
        "campaign_rewards-TOTAL_FORMS": 2,
        ROW.format(1, "reward"): twin.pk,
        ROW.format(1, "required_minutes"): 60,
        ROW.format(1, "position"): "",
    }
    page = words(send_form(owner_client, ADD, **(fields | second)))
    assert "Another campaign has the same name: winter CUP (19 Nov 2026 to 26 Nov 2026)." in page
    assert "These rewards take the same 60 minutes: “Cape”, “Red cape”." in page
    assert f"These rewards have the same external ID, {reward.external_id}: “Cape”, “Red cape”." in page
    campaign = Campaign.objects.get(name="Winter cup")
    assert "take the same 60 minutes" in words(
        owner_client.get(f"/dashboard/campaigns/{campaign.pk}/publish/")
    )
