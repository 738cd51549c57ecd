from datetime import timedelta

import pytest

from drops.domain.campaigns.phases import note_phase_changes
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


def test_two_beats_at_the_same_time_note_a_change_once():
    campaign = CampaignFactory()
    PhaseChange.objects.create(campaign=campaign, kind=PhaseChangeKind.STARTED, due_at=NOW, noted_at=NOW)

    # What the slower of the two writes, having read before the faster one committed.
    PhaseChange.objects.bulk_create(
        [PhaseChange(campaign=campaign, kind=PhaseChangeKind.STARTED, due_at=NOW, noted_at=NOW)],
        ignore_conflicts=True,
    )

    assert campaign.phase_changes.filter(kind=PhaseChangeKind.STARTED).count() == 1


def test_the_number_of_queries_does_not_grow_with_campaigns(django_assert_num_queries):
    for count in (1, 3):
        CampaignFactory.create_batch(count)
        note_phase_changes(now=NOW)
        with django_assert_num_queries(2):  # campaigns, their changes
            note_phase_changes(now=NOW)
