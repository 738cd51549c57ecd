"""What Prometheus reads of campaigns; tests/config/test_metrics.py has the watch stream."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from drops.domain import readings
from drops.domain.campaigns.phases import note_phase_changes
from tests import factories


@pytest.mark.django_db
def test_phase_changes_are_late_until_they_are_noted(now: datetime) -> None:
    factories.CampaignFactory(starts_at=now - timedelta(hours=2), announces_at=now - timedelta(hours=3))

    def late() -> list[float]:
        return [reading.value for reading in readings.read_campaigns(now)]

    assert late() == [2, timedelta(hours=3).total_seconds()]
    note_phase_changes(now=now)
    assert late() == [0, 0]
