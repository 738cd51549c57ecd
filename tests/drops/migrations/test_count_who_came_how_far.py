"""Watch time and links of before are counted as those of now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import ConnectVisit
from drops.models import Progress, WatchMark
from tests import factories
from tests.drops.domain.watch import recompute
from tests.factories import NOW


@pytest.mark.django_db(transaction=True)
def test_what_was_there_before_is_counted(migrate) -> None:
    campaign = factories.CampaignRewardFactory(required_minutes=60).campaign
    began = NOW - timedelta(hours=2)
    people = [
        factories.ProgressFactory(campaign=campaign, seconds=seconds, created_at=began).viewer
        for seconds in (3600, 3600, 3700, 299, 900_000)
    ]
    factories.ProgressFactory(campaign=campaign, seconds=3600, test_seconds=3600)
    before, during, gone = people[:3]
    organization = {"organization": campaign.organization}
    factories.GameLinkFactory(viewer=before, linked_at=began - timedelta(hours=1), **organization)
    factories.GameLinkFactory(viewer=during, linked_at=began + timedelta(hours=1), **organization)
    ended = began - timedelta(minutes=1)
    factories.GameLinkFactory(
        viewer=gone, linked_at=began - timedelta(days=1), unlinked_at=ended, **organization
    )

    migrate("drops", "0023_count_viewers_of_two_campaigns")
    migrate("accounts", "0025_tell_viewers")
    migrate()

    assert ConnectVisit.objects.count() == 3
    noted = dict(Progress.objects.values_list("viewer", "seconds_when_linked"))
    assert [noted[person.pk] for person in people] == [0, 3600, None, None, None]
    (connected,) = recompute.connected().values()
    assert connected == (3, 1, 1)
    assert recompute.stored_connected() == recompute.connected()
    marks = dict(WatchMark.objects.values_list("minutes", "viewers"))
    assert (len(marks), marks[5], marks[60], marks[65], marks[6000]) == (1200, 4, 4, 1, 1)
