"""Drafts that are published by themselves at the time that they carry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import AuditEvent, OAuthApp, Organization, User
from drops.domain.campaigns.archiving import archive_campaign
from drops.domain.campaigns.copies import copy_campaign
from drops.domain.campaigns.lifecycle import amend_campaign, publish_campaign
from drops.domain.campaigns.publications import IN_TIME, publish_due
from drops.models import Campaign, CampaignPhase, Category
from drops.tasks import note_phase_changes
from tests import factories
from tests.api import bearer
from tests.dashboard import press, send_form, words
from tests.factories import NOW

AT = NOW + timedelta(hours=2)


@pytest.fixture
def draft(studio: Organization, studio_app: OAuthApp, category: Category) -> Campaign:
    """To be published in two hours, announced in three, live from tomorrow on."""
    draft = factories.CampaignFactory(
        organization=studio,
        category=category,
        name="Storm season",
        published_at=None,
        publish_at=AT,
        announces_at=NOW + timedelta(hours=3),
        starts_at=NOW + timedelta(days=1),
        ends_at=NOW + timedelta(days=8),
        closes_at=NOW + timedelta(days=15),
    )
    reward = factories.RewardFactory(organization=studio, category=category)
    factories.CampaignRewardFactory(campaign=draft, reward=reward)
    return draft


def state(campaign: Campaign) -> tuple[Any, Any]:
    campaign.refresh_from_db()
    return campaign.publish_at, campaign.published_at


def last(campaign: Campaign) -> AuditEvent:
    return AuditEvent.objects.filter(target_id=campaign.pk).latest("pk")


def test_a_draft_is_published_at_its_time_and_not_before(draft: Campaign) -> None:
    assert publish_due(now=AT - timedelta(seconds=1)) == 0
    assert state(draft) == (AT, None)
    now = AT + timedelta(seconds=40)
    assert publish_due(now=now) == 1
    assert state(draft) == (None, now)
    event = last(draft)
    assert (event.action, event.actor, event.data) == (
        "campaign.published",
        None,
        {"publish_at": AT.isoformat()},
    )
    assert publish_due(now=now) == 0


def test_the_beat_of_phases_does_it(draft: Campaign, time_machine: Any) -> None:
    time_machine.move_to(AT, tick=False)
    note_phase_changes()
    assert state(draft) == (None, AT)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda _draft: OAuthApp.objects.update(deleted_at=NOW), "no_oauth_app"),
        (lambda draft: draft.campaign_rewards.all().delete(), "no_rewards"),
        (lambda _draft: Organization.objects.update(suspended_at=NOW), "suspended"),
        (lambda _draft: Organization.objects.update(connect_url=""), "no_connect_url"),
    ],
)
def test_what_is_against_it_then_is_told_on_the_page_and_in_the_audit_trail(
    owner_client: Client, draft: Campaign, spoil: Any, code: str
) -> None:
    spoil(draft)
    assert publish_due(now=AT) == 0
    assert state(draft) == (None, None)
    event = last(draft)
    assert (event.action, event.data["problems"]) == ("campaign.not_published", [code])
    assert publish_due(now=AT + timedelta(minutes=1)) == 0
    assert AuditEvent.objects.filter(action="campaign.not_published").count() == 1
    page = words(owner_client.get(f"/dashboard/campaigns/{draft.pk}/overview/"))
    assert "The campaign was not published at its time." in page
    assert "20 Nov 2026, 14:00 UTC" in page
    history = words(owner_client.get(f"/dashboard/campaigns/{draft.pk}/history/"))
    assert "Campaign not published at its time" in history
    assert f">{code}<" not in history  # in words


@pytest.mark.parametrize(
    ("late", "moved", "published", "codes"),
    [
        (timedelta(0), {}, True, []),
        (IN_TIME, {"announces_at": AT}, True, []),
        (timedelta(minutes=50), {}, True, []),
        # The announcement, and then the start, passed while the clock was down.
        (timedelta(hours=2), {}, False, ["late_for_announcement"]),
        (timedelta(days=2), {}, False, ["late_for_start"]),
        (timedelta(days=30), {}, False, ["ends_in_past", "late_for_start"]),
        # An announcement that was past when the time was chosen does not get worse.
        (timedelta(hours=2), {"announces_at": NOW}, True, []),
        (timedelta(0), {"starts_at": AT, "announces_at": NOW}, True, []),
    ],
)
def test_a_clock_that_was_down_publishes_unless_a_date_has_passed_meanwhile(
    draft: Campaign, late: timedelta, moved: dict[str, Any], published: bool, codes: list[str]
) -> None:
    Campaign.objects.filter(pk=draft.pk).update(**moved)
    assert publish_due(now=AT + late) == published
    assert state(draft) == (None, AT + late if published else None)
    assert last(draft).data.get("problems", []) == codes


def test_one_that_cannot_be_published_does_not_keep_the_others(
    draft: Campaign, studio: Organization, category: Category
) -> None:
    earlier = factories.CampaignFactory(
        organization=studio, category=category, published_at=None, publish_at=AT - timedelta(minutes=5)
    )
    assert publish_due(now=AT) == 1
    assert state(earlier) == (None, None)
    assert state(draft) == (None, AT)


def test_a_time_is_chosen_and_cancelled(owner_client: Client, draft: Campaign, owner: User) -> None:
    overview = f"/dashboard/campaigns/{draft.pk}/overview/"
    assert "To be published by itself on 20 Nov 2026, 14:00 UTC" in words(owner_client.get(overview)).replace(
        '<time datetime="2026-11-20T14:00:00+00:00">', ""
    )
    listed = words(owner_client.get("/dashboard/campaigns/"))
    assert "to be published on 20 Nov 2026, 14:00 UTC" in listed
    page = press(owner_client, f"/dashboard/campaigns/{draft.pk}/cancel_publication/")
    assert "stays a draft until you publish it." in words(page)
    assert state(draft) == (None, None)
    assert last(draft).data == {"publish_at": [AT.isoformat(), None]}
    edit = f"/dashboard/campaigns/{draft.pk}/change/"
    assert send_form(owner_client, edit, publish_at="2026-11-20T15:00").redirect_chain
    assert state(draft) == (NOW + timedelta(hours=3), None)
    assert send_form(owner_client, edit, publish_at="").redirect_chain
    assert publish_due(now=AT + timedelta(days=1)) == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-11-20T11:00", "This time has passed."),
        ("2026-11-22T11:00", "The campaign must be published by its start."),
        ("soon", "Enter a valid date/time."),
        ("9999-12-31T23:59", "Choose a year between 2000 and 2100."),
    ],
)
def test_a_wrong_time_is_refused_at_its_field(
    owner_client: Client, draft: Campaign, value: str, said: str
) -> None:
    page = send_form(owner_client, f"/dashboard/campaigns/{draft.pk}/change/", publish_at=value)
    form = page.context["adminform"].form
    assert list(form.errors) == ["publish_at"]
    assert said in str(form.errors["publish_at"])
    assert state(draft) == (AT, None)


def test_a_start_before_the_publication_is_refused(owner: User, draft: Campaign) -> None:
    changes = {"starts_at": AT - timedelta(hours=1)}
    with pytest.raises(ValidationError) as refused:
        amend_campaign(campaign=draft, changes=changes, now=NOW, actor=owner)
    assert list(refused.value.message_dict) == ["publish_at"]


def test_publishing_by_hand_archiving_and_copying_leave_no_time(owner: User, draft: Campaign) -> None:
    copy = copy_campaign(
        campaign=draft, starts_at=draft.starts_at + timedelta(days=7), name="Next", now=NOW, actor=owner
    )
    assert state(copy) == (None, None)
    publish_campaign(campaign=draft, now=NOW, actor=owner)
    assert state(draft) == (None, NOW)
    # The body that made a campaign can be sent again, whatever became of it.
    amend_campaign(campaign=draft, changes={"publish_at": AT, "name": "Renamed"}, now=NOW, actor=owner)
    assert state(draft) == (None, NOW)
    amend_campaign(campaign=copy, changes={"publish_at": AT}, now=NOW, actor=owner)
    archive_campaign(campaign=copy, now=NOW, actor=owner)
    assert state(copy) == (None, None)


def test_only_a_draft_has_a_time(draft: Campaign) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=draft.pk).update(published_at=NOW)


def test_the_api_shows_and_takes_it(studio_app: OAuthApp, draft: Campaign, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    client = bearer(studio_app, scope="drops:write drops:read")
    url = f"/public/v1/drops/campaigns/{draft.pk}"

    def patch(value: str | None) -> Any:
        return client.patch(url, {"publish_at": value}, content_type="application/json")

    said = patch("2026-11-20T20:00:00+01:00")
    assert said.status_code == 200, said.content
    assert said.json()["data"]["publish_at"] == "2026-11-20T19:00:00Z"
    assert patch("2026-11-20T10:00:00Z").status_code == 422
    assert patch("tomorrow").status_code in (400, 422)
    assert patch(None).json()["data"]["publish_at"] is None
    assert state(draft) == (None, None)


def test_a_draft_with_a_time_is_a_draft(draft: Campaign) -> None:
    assert draft.phase(AT + timedelta(days=2)) is CampaignPhase.DRAFT


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_publish_once(draft: Campaign) -> None:
    def run(_number: int) -> int:
        try:
            return publish_due(now=AT)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(run, range(8))) == 1
    assert AuditEvent.objects.filter(action="campaign.published", target_id=draft.pk).count() == 1
