"""Each minute of a live campaign is noted once, in its time or never."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from drops.models import Campaign
from fulfillment.domain.war_room import minutes
from fulfillment.domain.war_room.figures import figures
from fulfillment.models import CampaignMinute
from tests import factories

MINUTE = timedelta(minutes=1)


@pytest.mark.django_db
def test_a_minute_is_noted_once_however_often_the_clock_calls(campaign: Campaign, now: datetime) -> None:
    assert [minutes.note_minutes(now=now + timedelta(seconds=each)) for each in (5, 20, 35, 50)] == [
        1,
        0,
        0,
        0,
    ]
    assert minutes.note_minutes(now=now + MINUTE) == 1
    first, second = CampaignMinute.objects.order_by("minute")
    assert second.minute - first.minute == MINUTE
    assert first.taken_at == now + timedelta(seconds=5)


@pytest.mark.django_db
def test_a_missed_minute_stays_missing(campaign: Campaign, now: datetime) -> None:
    for after in (0, 1, 4):
        minutes.note_minutes(now=now + after * MINUTE)
    rows = minutes.minutes_of(campaign, since=now, until=now + 4 * MINUTE)
    assert [(row.minute - now) // MINUTE for row in rows] == [0, 1, 4]
    assert minutes.first_and_last(campaign) == (now, now + 4 * MINUTE)


@pytest.mark.django_db
def test_only_live_campaigns_that_are_not_in_test_mode_are_noted(campaign: Campaign, now: datetime) -> None:
    factories.CampaignFactory(test_mode=True)
    factories.CampaignFactory(published_at=None)
    factories.CampaignFactory(withdrawn_at=now)
    factories.CampaignFactory(starts_at=now + MINUTE)
    factories.CampaignFactory(starts_at=now - 9 * MINUTE, ends_at=now)
    assert minutes.note_minutes(now=now) == 1
    assert CampaignMinute.objects.get().campaign == campaign


@pytest.mark.django_db
def test_a_row_gives_back_what_was_on_the_screen(campaign: Campaign, now: datetime) -> None:
    factories.WebhookEndpointFactory(organization=campaign.organization)
    factories.LivestreamFactory(category=campaign.category, viewer_count=30)
    minutes.note_minutes(now=now)
    assert minutes.figures_of(CampaignMinute.objects.get()) == figures_as_lists(figures(campaign, now=now))


def figures_as_lists(found: object) -> object:
    from dataclasses import replace

    return replace(
        found,  # type: ignore[type-var]
        endpoints=[each._replace(last=list(each.last)) for each in found.endpoints],  # type: ignore[attr-defined]
        channels=list(found.channels),  # type: ignore[attr-defined]
    )


@pytest.mark.django_db
def test_a_campaign_that_cannot_be_read_keeps_no_other_from_being_noted(
    campaign: Campaign, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = factories.CampaignFactory()

    def broken(read: Campaign, *, now: datetime) -> object:
        if read == campaign:
            raise RuntimeError
        return figures(read, now=now)

    monkeypatch.setattr(minutes, "figures", broken)
    assert minutes.note_minutes(now=now) == 1
    assert CampaignMinute.objects.get().campaign == other


@pytest.mark.django_db
def test_old_minutes_are_deleted(campaign: Campaign, now: datetime) -> None:
    for after in range(3):
        minutes.note_minutes(now=now + after * MINUTE)
    assert minutes.purge(before=now + 2 * MINUTE) == 2
    assert CampaignMinute.objects.get().minute == now + 2 * MINUTE


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_moment_write_one_row(campaign: Campaign, now: datetime) -> None:
    at_once = Barrier(4)

    def note() -> None:
        try:
            at_once.wait()
            minutes.note_minutes(now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(note) for _ in range(4)]:
            each.result()
    assert CampaignMinute.objects.count() == 1
