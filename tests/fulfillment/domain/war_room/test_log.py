"""What happened around a campaign, in one list."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from accounts.domain import audit
from accounts.models import User
from drops.domain.campaigns.phases import note_phase_changes
from drops.models import Campaign, FormerCategory
from fulfillment.domain.delivery.endpoints import hold_endpoint, release_endpoint
from fulfillment.domain.war_room import log, minutes
from fulfillment.models import WebhookEndpoint
from tests import factories

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def read(campaign: Campaign, until: datetime, names: dict[str, str] | None = None) -> list[str]:
    rows = minutes.minutes_of(campaign, since=until - timedelta(hours=2), until=until)
    return [log.words(entry, names or {}) for entry in log.log(campaign, until=until, minutes=rows)]


def test_phases_edits_and_holds_are_there_newest_first(
    campaign: Campaign, owner: User, now: datetime
) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=campaign.organization)
    Campaign.objects.filter(pk=campaign.pk).update(starts_at=now - 9 * MINUTE)
    note_phase_changes(now=now)
    audit.record(
        "campaign.changed", campaign, by=owner, at=now - 5 * MINUTE, data={"ends_at": ["zzold", "zznew"]}
    )
    hold_endpoint(endpoint=endpoint, actor=owner, now=now - 3 * MINUTE)
    release_endpoint(endpoint=endpoint, actor=owner, now=now - 2 * MINUTE)
    audit.record("member.joined", campaign, by=owner, at=now)
    audit.record("campaign.changed", factories.CampaignFactory(), by=owner, at=now, data={"name": ["a", "b"]})
    assert read(campaign, now, {endpoint.pk: "Endpoint 1"})[:4] == [
        "Endpoint 1: Endpoint released",
        "Endpoint 1: Endpoint held",
        "Campaign changed (Ends)",
        "Started",
    ]
    assert "Endpoint 1: Endpoint released" not in read(campaign, now - 150 * timedelta(seconds=1))


def test_streams_of_listed_channels_start_end_and_change_their_category(
    campaign: Campaign, now: datetime
) -> None:
    listed = factories.AllowedChannelFactory(campaign=campaign, channel__slug="ada").channel
    stream = factories.LivestreamFactory(
        channel=listed, category=campaign.category, started_at=now - 9 * MINUTE, ended_at=now - MINUTE
    )
    FormerCategory.objects.create(livestream=stream, category=None, until=now - 4 * MINUTE)
    factories.LivestreamFactory(started_at=now - 2 * MINUTE)  # of a channel that is not listed
    assert read(campaign, now) == [
        "ada ended the stream",
        "ada changed its category, which was no category",
        f"ada went live in {campaign.category}",
    ]


def test_an_endpoint_that_begins_to_fail_is_found_from_one_minute_to_the_next(
    campaign: Campaign, now: datetime
) -> None:
    endpoint = factories.WebhookEndpointFactory(organization=campaign.organization)
    for number, failing_since in enumerate([None, now, now, None]):
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=failing_since)
        minutes.note_minutes(now=now + number * MINUTE)
    assert read(campaign, now + 3 * MINUTE, {endpoint.pk: "Endpoint 1"})[:2] == [
        "Endpoint 1: works",
        "Endpoint 1: failing",
    ]


def test_every_code_has_words(campaign: Campaign, now: datetime) -> None:
    codes = [
        *(f"phase.{kind}" for kind in ("announced", "started", "first_day", "last_day", "ended", "closed")),
        *(f"status.{each}" for each in ("held", "unverified", "paused", "failing", "working", "deleted")),
        *log.OF_CAMPAIGN,
        *log.OF_ENDPOINTS,
    ]
    for code in codes:
        entry = log.Entry(now, code, {}, "" if code.startswith(("phase", "campaign")) else "gone")
        assert log.words(entry, {}).strip()
        assert log.tone(entry)
