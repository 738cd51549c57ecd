"""Members hear once that a campaign begins and ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import MemberRole, Notice, Organization, User
from drops.domain.campaigns import lifecycle
from drops.domain.campaigns.phases import note_phase_changes
from drops.models import Campaign, PhaseChange
from tests import factories
from tests.factories import NOW
from tests.mails import recipients, send_notices, text_of

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def campaign(studio: Organization, owner: User, rival_owner: User) -> Campaign:
    """Begins an hour from now, for three days."""
    return factories.CampaignFactory(
        organization=studio,
        name="Storm & season",
        starts_at=NOW + HOUR,
        ends_at=NOW + HOUR + 3 * DAY,
        closes_at=NOW + HOUR + 5 * DAY,
        published_at=NOW - DAY,
    )


def subjects_at(moment: object) -> list[str]:
    """The clock's task and the mails, twice over."""
    assert isinstance(moment, type(NOW))
    for _twice in range(2):
        note_phase_changes(now=moment)
    return sorted(message.subject for message in send_notices(moment))


def test_beginning_first_day_and_end_are_told_once_each(campaign: Campaign) -> None:
    assert subjects_at(NOW) == []
    assert subjects_at(campaign.starts_at) == ["Storm & season has begun"]
    assert subjects_at(campaign.starts_at + HOUR) == []
    assert subjects_at(campaign.starts_at + DAY) == ["The first day of Storm & season: 0 viewers"]
    assert subjects_at(campaign.ends_at) == ["Storm & season has ended"]
    assert subjects_at(campaign.closes_at) == []


def test_every_role_is_told_and_nobody_else(campaign: Campaign, studio: Organization, owner: User) -> None:
    analyst = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user
    note_phase_changes(now=campaign.starts_at)
    told = send_notices(campaign.starts_at)
    assert recipients(told) == sorted([analyst.email, owner.email])
    assert f"/dashboard/campaigns/{campaign.pk}/overview/" in text_of(told[0])


def test_after_an_outage_of_less_than_a_day_it_is_told_and_later_it_is_not(campaign: Campaign) -> None:
    assert subjects_at(campaign.starts_at + DAY - HOUR) == ["Storm & season has begun"]
    assert subjects_at(campaign.ends_at + DAY) == []
    assert PhaseChange.objects.filter(kind="ended", campaign=campaign).exists()


def test_what_is_no_longer_so_when_the_mail_goes_out_is_not_told(campaign: Campaign, owner: User) -> None:
    note_phase_changes(now=campaign.starts_at)
    lifecycle.withdraw_campaign(campaign=campaign, now=campaign.starts_at, actor=owner)
    assert send_notices(campaign.starts_at) == []


def test_a_campaign_of_a_suspended_organization_is_told_to_nobody(
    campaign: Campaign, studio: Organization
) -> None:
    studio.suspended_at = NOW
    studio.save()
    assert subjects_at(campaign.starts_at) == []


def test_test_mode_is_said_and_has_no_numbers(campaign: Campaign) -> None:
    campaign.test_mode = True
    campaign.save()
    note_phase_changes(now=campaign.starts_at)
    (message,) = send_notices(campaign.starts_at)
    assert "has begun in test mode. Only members earn and claim." in message.body
    assert subjects_at(campaign.starts_at + DAY) == []


def test_a_campaign_that_ends_within_a_day_has_its_numbers_at_its_end(
    campaign: Campaign, owner: User
) -> None:
    note_phase_changes(now=campaign.starts_at)
    send_notices(campaign.starts_at)
    lifecycle.end_campaign(campaign=campaign, now=campaign.starts_at + HOUR, actor=owner)
    assert subjects_at(campaign.starts_at + HOUR) == [
        "Storm & season has ended",
        "The first day of Storm & season: 0 viewers",
    ]


def test_the_phase_and_the_notices_are_written_together(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("drops.domain.notices.write", kill)
        with pytest.raises(Killed):
            note_phase_changes(now=campaign.starts_at)
    assert not PhaseChange.objects.exists()
    assert not Notice.objects.exists()
    assert subjects_at(campaign.starts_at) == ["Storm & season has begun"]
