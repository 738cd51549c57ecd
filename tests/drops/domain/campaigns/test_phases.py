import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection

from drops.domain import notices
from drops.domain.campaigns.phases import DAY, NEVER, late, note_phase_changes
from drops.models import PhaseChange, PhaseChangeKind
from tests.factories import NOW, CampaignFactory

pytestmark = pytest.mark.django_db
LONG_AFTER = NOW + timedelta(days=365)


def kinds_of(campaign):
    return [change.kind for change in campaign.phase_changes.order_by("due_at", "id")]


def test_each_change_is_noted_once_whatever_restarts():
    campaign = CampaignFactory()

    for _ in range(3):
        note_phase_changes(now=NOW)

    assert kinds_of(campaign) == [
        PhaseChangeKind.ANNOUNCED,
        PhaseChangeKind.STARTED,
        PhaseChangeKind.FIRST_DAY,
    ]


def test_a_change_missed_while_nothing_ran_keeps_its_own_moment():
    campaign = CampaignFactory()

    note_phase_changes(now=LONG_AFTER)

    assert kinds_of(campaign) == list(PhaseChangeKind)
    ended = campaign.phase_changes.get(kind=PhaseChangeKind.ENDED)
    assert (ended.due_at, ended.noted_at) == (campaign.ends_at, LONG_AFTER)


def test_a_draft_changes_nothing():
    CampaignFactory(published_at=None)

    assert note_phase_changes(now=LONG_AFTER) == []


def test_a_campaign_published_late_is_announced_when_it_is_published():
    campaign = CampaignFactory(published_at=NOW - timedelta(hours=1))

    note_phase_changes(now=NOW)

    assert set(campaign.phase_changes.values_list("due_at", flat=True)) == {campaign.published_at}


def test_a_withdrawn_campaign_only_tells_when_its_claims_end():
    campaign = CampaignFactory(withdrawn_at=NOW)

    note_phase_changes(now=LONG_AFTER)

    assert kinds_of(campaign) == [
        PhaseChangeKind.ANNOUNCED,
        PhaseChangeKind.STARTED,
        PhaseChangeKind.LAST_CHANCE,
        PhaseChangeKind.CLOSED,
    ]


def test_a_run_with_nothing_due_reads_no_campaign(django_assert_num_queries):
    for count in (1, 3):
        CampaignFactory.create_batch(count)
        note_phase_changes(now=NOW)
        with django_assert_num_queries(1):  # what is due, by the index
            note_phase_changes(now=NOW)


def test_each_campaign_is_looked_at_when_it_changes_next():
    campaign = CampaignFactory()
    for now, then in (
        (NOW, campaign.ends_at - DAY),
        (campaign.ends_at - DAY, campaign.ends_at),
        (campaign.ends_at, campaign.closes_at - DAY),
        (campaign.closes_at, NEVER),
    ):
        note_phase_changes(now=now)
        campaign.refresh_from_db()
        assert campaign.next_change_at == then
        assert late(now=then - timedelta(seconds=1)) == []
    assert late(now=LONG_AFTER) == []


def test_an_end_that_moved_by_a_day_or_more_has_a_last_day_of_its_own():
    campaign = CampaignFactory()
    last_day = campaign.ends_at - DAY
    note_phase_changes(now=last_day)
    for extension, again in ((timedelta(hours=5), 0), (timedelta(days=2), 1)):
        campaign.refresh_from_db()
        campaign.ends_at += extension
        campaign.closes_at += extension
        campaign.save()
        last_day += extension
        assert [c.kind for c in note_phase_changes(now=last_day)] == [PhaseChangeKind.LAST_DAY] * again


def test_one_campaign_that_cannot_be_noted_keeps_no_other(monkeypatch):
    campaigns = CampaignFactory.create_batch(3)
    bad = campaigns[1].pk
    tell = notices.tell

    def refuse(change, **more):
        if change.campaign_id == bad:
            raise DatabaseError
        tell(change, **more)

    with monkeypatch.context() as patch:
        patch.setattr(notices, "tell", refuse)
        note_phase_changes(now=NOW)
    assert set(PhaseChange.objects.values_list("campaign", flat=True)) == {campaigns[0].pk, campaigns[2].pk}
    assert {change.campaign_id for change in note_phase_changes(now=NOW)} == {bad}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_beats_at_the_same_time_note_each_change_once():
    CampaignFactory.create_batch(20)
    together = threading.Barrier(2)

    def beat():
        try:
            together.wait()
            return len(note_phase_changes(now=NOW))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        noted = [each.result() for each in [pool.submit(beat) for _ in range(2)]]
    assert sum(noted) == PhaseChange.objects.count() == 60
