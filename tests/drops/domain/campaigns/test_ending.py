"""A live campaign ends before its date, and keeps what it promised of claims."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent, MemberRole, Organization, User
from drops.domain.campaigns import consequences, lifecycle
from drops.domain.campaigns.plans import plan_of
from drops.models import Campaign, CampaignPhase
from tests import factories
from tests.factories import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def live(studio: Organization) -> Campaign:
    """Ends in 6 days, closes in 9."""
    return factories.CampaignFactory(organization=studio)


def end(campaign: Campaign, actor: User | None = None, now: Any = NOW) -> Campaign:
    return lifecycle.end_campaign(campaign=campaign, now=now, actor=actor)


@pytest.mark.parametrize(
    ("later", "days"), [(timedelta(), 9), (HOUR, 9), (DAY, 8), (DAY + HOUR, 8), (6 * DAY - HOUR, 4)]
)
def test_it_is_over_now_and_closes_no_earlier_than_promised(
    live: Campaign, owner: User, later: timedelta, days: int
) -> None:
    now, promised = NOW + later, live.closes_at
    told = consequences.of_ending(live, now=now)
    ended = end(live, owner, now)
    assert (ended.phase(now), ended.ends_at, ended.grace_days) == (CampaignPhase.GRACE, now, days)
    assert promised <= ended.closes_at < promised + DAY
    assert ended.closes_at == now + days * DAY
    assert [entry.after for entry in told[1:]] == [now, ended.closes_at]


def test_it_can_be_saved_unchanged_afterwards(live: Campaign, owner: User) -> None:
    """The plan speaks of days of grace: nothing moves because they were rounded."""
    ended = end(live, owner, NOW + timedelta(hours=5, seconds=7, microseconds=9))
    lifecycle.amend_campaign(campaign=ended, changes={"name": "Over"}, now=NOW + DAY, actor=owner)
    ended.refresh_from_db()
    after = Campaign.objects.get()
    assert (after.ends_at, after.closes_at) == (ended.ends_at, ended.closes_at)
    assert plan_of(after).closes_at == after.closes_at


def test_it_is_recorded_with_what_moved_and_twice_is_once(live: Campaign, owner: User) -> None:
    moments = live.ends_at, live.closes_at
    ended = end(live, owner)
    assert end(live, owner, NOW + HOUR).ends_at == NOW
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.target_id) == ("campaign.ended", owner, live.pk)
    assert event.data == {
        "before": {"ends_at": moments[0].isoformat(), "closes_at": moments[1].isoformat()},
        "after": {"ends_at": NOW.isoformat(), "closes_at": ended.closes_at.isoformat()},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"published_at": None},
        {"starts_at": NOW + HOUR},
        {"starts_at": NOW},
        {"withdrawn_at": NOW - HOUR},
        {"ends_at": NOW - 2 * HOUR, "closes_at": NOW - HOUR},
    ],
)
def test_only_what_is_live_is_ended(live: Campaign, owner: User, changes: dict[str, Any]) -> None:
    Campaign.objects.filter(pk=live.pk).update(**changes)
    with pytest.raises(ValidationError, match="Only a live campaign"):
        end(live, owner)
    assert not AuditEvent.objects.exists()


def test_a_grace_period_that_would_be_too_long_is_refused(live: Campaign, owner: User) -> None:
    Campaign.objects.filter(pk=live.pk).update(ends_at=NOW + 300 * DAY, closes_at=NOW + 366 * DAY)
    with pytest.raises(ValidationError, match="more than 365 days from now"):
        end(live, owner)
    assert end(live, owner, NOW + DAY).grace_days == 365


def test_only_those_who_may_withdraw_it_end_it(
    studio: Organization, live: Campaign, rival_owner: User, operator: User
) -> None:
    analyst = factories.MembershipFactory(organization=studio, role=MemberRole.ANALYST).user
    for actor in (analyst, rival_owner):
        with pytest.raises(PermissionDenied):
            end(live, actor)
    end(live, operator)
