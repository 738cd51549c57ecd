from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from drops.models import Campaign, CampaignPhase
from tests.factories import NOW, CampaignFactory

offsets = st.integers(min_value=-4, max_value=4).map(lambda days: timedelta(days=days))


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dates=st.lists(offsets, min_size=4, max_size=4).map(sorted).filter(lambda days: days[1] < days[2]),
    published=st.none() | offsets,
    withdrawn=st.none() | offsets,
)
def test_an_instance_and_a_query_agree_on_the_phase(studio, category, dates, published, withdrawn):
    announces, starts, ends, closes = (NOW + offset for offset in dates)
    campaign = CampaignFactory(
        organization=studio,
        category=category,
        announces_at=announces,
        starts_at=starts,
        ends_at=ends,
        closes_at=closes,
        published_at=None if published is None else NOW + published,
        withdrawn_at=None if withdrawn is None or published is None else NOW + withdrawn,
    )

    for phase in CampaignPhase:
        found = Campaign.objects.in_phase(phase, now=NOW).filter(pk=campaign.pk).exists()
        assert found == (campaign.phase(NOW) is phase)


@pytest.mark.parametrize(
    ("days", "phase"),
    [
        (-9, CampaignPhase.SCHEDULED),
        (-3, CampaignPhase.ANNOUNCED),
        (0, CampaignPhase.LIVE),
        (6, CampaignPhase.GRACE),
        (9, CampaignPhase.CLOSED),
    ],
)
@pytest.mark.django_db
def test_a_published_campaign_goes_through_its_phases(days, phase):
    campaign = CampaignFactory()

    assert campaign.phase(NOW + timedelta(days=days)) is phase


@pytest.mark.django_db
def test_each_boundary_belongs_to_the_phase_that_begins():
    campaign = CampaignFactory()

    assert campaign.phase(campaign.starts_at) is CampaignPhase.LIVE
    assert campaign.phase(campaign.ends_at) is CampaignPhase.GRACE
    assert campaign.phase(campaign.closes_at) is CampaignPhase.CLOSED
